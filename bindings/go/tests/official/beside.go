// Package official runs Split's own Go client, github.com/splitio/go-client/v6 at v6.8.1, beside this one.
package official

import (
	"testing"

	"github.com/libsplitio/libsplitio/bindings/go/client"
	"github.com/libsplitio/libsplitio/bindings/go/conf"
	"github.com/libsplitio/libsplitio/bindings/go/internal/backend"
	"github.com/libsplitio/libsplitio/bindings/go/logging"
	official "github.com/splitio/go-client/v6/splitio/client"
	officialconf "github.com/splitio/go-client/v6/splitio/conf"
	officiallogging "github.com/splitio/go-toolkit/v5/logging"
)

// ours is a client of this module at an emulator.
func ours(t testing.TB, b *backend.Backend) *client.SplitClient {
	t.Helper()
	cfg := conf.Default()
	cfg.Advanced.SdkURL, cfg.Advanced.EventsURL = b.URL+"/api", b.URL+"/api"
	cfg.Advanced.AuthServiceURL, cfg.Advanced.TelemetryServiceURL = b.URL, b.URL+"/api/v1"
	cfg.Advanced.StreamingEnabled = false
	cfg.LoggerConfig.LogLevel = logging.LevelNone
	factory, err := client.NewSplitFactory("the-sdk-key", cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(factory.Destroy)
	if err := factory.BlockUntilReady(20); err != nil {
		t.Fatal(err)
	}
	return factory.Client()
}

// theirs is one of Split's client, with the same settings.
func theirs(t testing.TB, b *backend.Backend) *official.SplitClient {
	t.Helper()
	cfg := officialconf.Default()
	cfg.Advanced.SdkURL, cfg.Advanced.EventsURL = b.URL+"/api", b.URL+"/api"
	cfg.Advanced.AuthServiceURL, cfg.Advanced.TelemetryServiceURL = b.URL, b.URL+"/api/v1"
	cfg.Advanced.StreamingEnabled = false
	cfg.LoggerConfig.LogLevel = officiallogging.LevelNone
	factory, err := official.NewSplitFactory("the-sdk-key", cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(factory.Destroy)
	if err := factory.BlockUntilReady(20); err != nil {
		t.Fatal(err)
	}
	return factory.Client()
}
