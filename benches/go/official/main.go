// Command official makes Split's own Go client a contestant of the bench.
package main

import (
	"github.com/libsplitio/libsplitio/benches/go/worker"
	"github.com/splitio/go-client/v6/splitio/client"
	"github.com/splitio/go-client/v6/splitio/conf"
	impressionlistener "github.com/splitio/go-client/v6/splitio/impressionListener"
	"github.com/splitio/go-toolkit/v5/logging"
)

type listener struct{ heard int }

func (l *listener) LogImpression(impressionlistener.ILObject) { l.heard++ }

func main() {
	worker.Run(func(url, mode string) (worker.Client, worker.WithConfig, error) {
		cfg := conf.Default()
		cfg.Advanced.SdkURL, cfg.Advanced.EventsURL = url+"/api", url+"/api"
		cfg.Advanced.AuthServiceURL, cfg.Advanced.TelemetryServiceURL = url, url+"/api/v1"
		cfg.Advanced.StreamingEnabled = mode == "streaming"
		cfg.Advanced.StreamingServiceURL = url + "/event-stream"
		cfg.Advanced.HTTPTimeout = 120
		cfg.LoggerConfig.LogLevel = logging.LevelNone
		if mode == "none" {
			cfg.ImpressionsMode = "none"
		}
		if mode == "listener" {
			cfg.Advanced.ImpressionListener = &listener{}
		}
		factory, err := client.NewSplitFactory("bench-key", cfg)
		if err != nil {
			return nil, nil, err
		}
		split := factory.Client()
		return split, func(key, flag string) (string, bool) {
			result := split.TreatmentWithConfig(key, flag, nil)
			return result.Treatment, result.Config != nil
		}, factory.BlockUntilReady(300)
	})
}
