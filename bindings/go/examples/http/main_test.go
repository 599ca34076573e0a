package main

import (
	"net/http/httptest"
	"testing"

	"github.com/libsplitio/libsplitio/bindings/go/client"
	"github.com/libsplitio/libsplitio/bindings/go/conf"
)

func TestTheShop(t *testing.T) {
	cfg := conf.Default()
	cfg.SplitFile = "../flags.yaml"
	factory, err := client.NewSplitFactory(conf.Localhost, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer factory.Destroy()
	if err := factory.BlockUntilReady(5); err != nil {
		t.Fatal(err)
	}
	for user, wanted := range map[string]string{"ann": "the new checkout\n", "bob": "the checkout\n"} {
		answer := httptest.NewRecorder()
		shop{factory.Client()}.ServeHTTP(answer, httptest.NewRequest("GET", "/?user="+user, nil))
		if got := answer.Body.String(); got != wanted {
			t.Errorf("%s got %q", user, got)
		}
	}
}
