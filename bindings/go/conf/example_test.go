package conf_test

import (
	"fmt"

	"github.com/libsplitio/libsplitio/bindings/go/conf"
	"github.com/libsplitio/libsplitio/bindings/go/logging"
)

func ExampleDefault() {
	cfg := conf.Default()
	cfg.ImpressionsMode = "debug"
	cfg.TaskPeriods.SplitSync = 30
	cfg.Advanced.FlagSetsFilter = []string{"web"}
	cfg.LoggerConfig.LogLevel = logging.LevelInfo
	// What Split's client has no field for.
	cfg.Options = map[string]interface{}{
		"proxyUrl":           "http://proxy.example.com:3128",
		"fallbackTreatments": map[string]interface{}{"global": "off"},
	}
	fmt.Println(cfg.TaskPeriods.SplitSync, cfg.TaskPeriods.EventsSync)
	// Output: 30 60
}

// A file of flags instead of Split, for development and tests; the factory is made with conf.Localhost as its SDK key.
func ExampleSplitSdkConfig_localhost() {
	cfg := conf.Default()
	cfg.SplitFile = "flags.json"
	cfg.LocalhostRefreshEnabled = true
	fmt.Println(conf.Localhost, cfg.SplitFile)
	// Output: localhost flags.json
}
