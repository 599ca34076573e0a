/*
 * A program that has everything inside: libsplitio, OpenSSL, zlib and another Rust library, each of which brings
 * helpers (SHA-256, TLS, compression, unwinding) that are named alike. Both that speak TLS do so, with the same server.
 *
 *     program HOST:PORT ca.pem
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <splitio.h>
#include <zlib.h>

int32_t other_answer(void);

static void check(int holds, const char *what) {
    printf("%s %s\n", holds ? "ok    " : "FAILED", what);
    if (!holds) exit(EXIT_FAILURE);
}

static void zlib_compresses(void) {
    unsigned char text[1000], packed[1000], unpacked[1000];
    uLongf packed_len = sizeof packed, len = sizeof unpacked;
    memset(text, 's', sizeof text);
    check(compress(packed, &packed_len, text, sizeof text) == Z_OK && packed_len < 100, "zlib compresses");
    check(uncompress(unpacked, &len, packed, packed_len) == Z_OK && len == sizeof text &&
              memcmp(text, unpacked, len) == 0,
          "zlib brings it back");
}

static void openssl_hashes(void) {
    /* "abc", by FIPS 180-2. */
    static const unsigned char wanted[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea};
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    check(EVP_Digest("abc", 3, digest, &len, EVP_sha256(), NULL) == 1 && len == 32 &&
              memcmp(digest, wanted, sizeof wanted) == 0,
          "OpenSSL hashes");
}

static void openssl_speaks_tls(const char *server, const char *authority) {
    char answer[64] = "";
    SSL *ssl = NULL;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    check(context != NULL && SSL_CTX_load_verify_locations(context, authority, NULL) == 1, "OpenSSL has the authority");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    BIO *bio = BIO_new_ssl_connect(context);
    BIO_get_ssl(bio, &ssl);
    check(ssl != NULL && BIO_set_conn_hostname(bio, server) == 1 && BIO_do_connect(bio) == 1, "OpenSSL connects");
    BIO_puts(bio, "GET /api/splitChanges?s=1.3&since=-1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer a-key\r\n"
                  "Connection: close\r\n\r\n");
    check(BIO_read(bio, answer, sizeof answer - 1) > 0 && strstr(answer, " 200 ") != NULL, "OpenSSL is answered");
    BIO_free_all(bio);
    SSL_CTX_free(context);
}

static void split_speaks_tls(const char *server, const char *authority) {
    static const char *const services[] = {"sdk", "events", "auth", "telemetry", "streaming"};
    split_error error;
    split_config *config = split_config_new();
    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        char name[64], url[256];
        snprintf(name, sizeof name, "%s_api_base_url", services[i]);
        snprintf(url, sizeof url, "https://%s%s", server, i < 4 ? "/api" : "");
        check(split_config_set(config, name, url, &error) == SPLIT_OK, name);
    }
    check(split_config_set(config, "caBundlePath", authority, &error) == SPLIT_OK, "libsplitio takes the authority");
    split_factory *factory = split_factory_new("a-key", config, &error);
    split_config_free(config);
    check(split_block_until_ready(factory, 15000) == SPLIT_OK, "libsplitio is ready");
    check(strcmp(split_get_treatment(factory, "ann", "checkout_one_page", NULL), "on") == 0, "libsplitio evaluates");
    check(split_destroy(factory, -1) == SPLIT_OK, "libsplitio has sent everything");
    split_factory_free(factory);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s HOST:PORT ca.pem\n", argv[0]);
        return 2;
    }
    zlib_compresses();
    openssl_hashes();
    check(other_answer() == 42, "the other Rust library unwinds");
    openssl_speaks_tls(argv[1], argv[2]);
    split_speaks_tls(argv[1], argv[2]);
    check(other_answer() == 42, "the other Rust library still does");
    return 0;
}
