package client

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/libsplitio/libsplitio/bindings/go/conf"
	"github.com/libsplitio/libsplitio/bindings/go/logging"
)

// What a change of the default configuration changes in the options of the library; nil: it is gone.
func TestOptions(t *testing.T) {
	base := read(t, "key", conf.Default())
	for what, c := range map[string]struct {
		change func(*conf.SplitSdkConfig)
		wanted map[string]interface{}
	}{
		"nothing":      {func(*conf.SplitSdkConfig) {}, map[string]interface{}{}},
		"instance":     {func(c *conf.SplitSdkConfig) { c.InstanceName, c.IPAddress = "m", "10.0.0.1" }, map[string]interface{}{"machineName": "m", "machineIp": "10.0.0.1"}},
		"no addresses": {func(c *conf.SplitSdkConfig) { c.IPAddressesEnabled = false }, map[string]interface{}{"IPAddressesEnabled": false}},
		"labels":       {func(c *conf.SplitSdkConfig) { c.LabelsEnabled = false }, map[string]interface{}{"labelsEnabled": false}},
		"mode":         {func(c *conf.SplitSdkConfig) { c.ImpressionsMode = "DEBUG" }, map[string]interface{}{"impressionsMode": "DEBUG"}},
		"ready":        {func(c *conf.SplitSdkConfig) { c.BlockUntilReady = 5 }, map[string]interface{}{"ready": 5.0}},
		"files": {func(c *conf.SplitSdkConfig) {
			c.SplitFile, c.SegmentDirectory, c.LocalhostRefreshEnabled = "f", "d", true
		}, map[string]interface{}{"splitFile": "f", "segmentDirectory": "d", "localhostRefreshEnabled": true}},
		"periods": {func(c *conf.SplitSdkConfig) {
			c.TaskPeriods = conf.TaskPeriods{SplitSync: 1, SegmentSync: 2, ImpressionSync: 3, EventsSync: 4, TelemetrySync: 5}
		}, map[string]interface{}{"featuresRefreshRate": 1.0, "segmentsRefreshRate": 2.0, "impressionsRefreshRate": 3.0, "eventsPushRate": 4.0, "metricsRefreshRate": 5.0}},
		"no periods": {func(c *conf.SplitSdkConfig) { c.TaskPeriods = conf.TaskPeriods{} },
			map[string]interface{}{"featuresRefreshRate": nil, "segmentsRefreshRate": nil, "impressionsRefreshRate": nil, "eventsPushRate": nil, "metricsRefreshRate": nil}},
		"sizes": {func(c *conf.SplitSdkConfig) {
			a := &c.Advanced
			a.EventsBulkSize, a.EventsQueueSize, a.ImpressionsBulkSize, a.ImpressionsQueueSize = 1, 2, 3, 4
		}, map[string]interface{}{"eventsBulkSize": 1.0, "eventsQueueSize": 2.0, "impressionsBulkSize": 3.0, "impressionsQueueSize": 4.0}},
		"timeout":   {func(c *conf.SplitSdkConfig) { c.Advanced.HTTPTimeout = 7 }, map[string]interface{}{"connectionTimeout": 7000.0, "readTimeout": 7000.0}},
		"streaming": {func(c *conf.SplitSdkConfig) { c.Advanced.StreamingEnabled = false }, map[string]interface{}{"streamingEnabled": false}},
		"sets":      {func(c *conf.SplitSdkConfig) { c.Advanced.FlagSetsFilter = []string{"a"} }, map[string]interface{}{"flagSetsFilter": []interface{}{"a"}}},
		"services": {func(c *conf.SplitSdkConfig) {
			a := &c.Advanced
			a.SdkURL, a.EventsURL, a.AuthServiceURL = "https://sdk/api", "https://events/api", "https://auth/"
			a.StreamingServiceURL, a.TelemetryServiceURL = "https://streaming/sse", "https://telemetry/api/v1"
		}, map[string]interface{}{
			"sdk_api_base_url": "https://sdk/api", "events_api_base_url": "https://events/api", "auth_api_base_url": "https://auth/api",
			"streaming_api_base_url": "https://streaming", "telemetry_api_base_url": "https://telemetry/api",
		}},
		"proxy": {func(c *conf.SplitSdkConfig) { c.SplitSyncProxyURL = "http://proxy" }, map[string]interface{}{
			"sdk_api_base_url": "http://proxy", "events_api_base_url": "http://proxy", "auth_api_base_url": "http://proxy/api",
			"streaming_api_base_url": "http://proxy", "telemetry_api_base_url": "http://proxy", "streamingEnabled": false,
		}},
		"options": {func(c *conf.SplitSdkConfig) {
			c.Options = map[string]interface{}{"proxyUrl": "http://p", "labelsEnabled": false}
		}, map[string]interface{}{"proxyUrl": "http://p", "labelsEnabled": false}},
		"redis": {func(c *conf.SplitSdkConfig) {
			c.OperationMode = conf.RedisConsumer
			c.Redis = conf.RedisConfig{Host: "h", Port: 1, Database: 2, Password: "p", Username: "u", Prefix: "x", MaxRetries: 1,
				DialTimeout: 3, ReadTimeout: 4, WriteTimeout: 5, PoolSize: 6, TLSConfig: &tls.Config{ServerName: "s", InsecureSkipVerify: true}}
		}, map[string]interface{}{
			"redisHost": "h", "redisPort": 1.0, "redisDb": 2.0, "redisPassword": "p", "redisUsername": "u", "redisPrefix": "x",
			"redisRetryOnTimeout": true, "redisSocketConnectTimeout": 3.0, "redisSocketTimeout": 5.0, "redisMaxConnections": 6.0,
			"redisSsl": true, "redisSslServerName": "s", "redisSslCertReqs": "none",
		}},
		"redis by default": {func(c *conf.SplitSdkConfig) { c.OperationMode, c.Redis = conf.RedisConsumer, conf.RedisConfig{} },
			map[string]interface{}{"redisHost": "localhost"}},
		"redis socket": {func(c *conf.SplitSdkConfig) {
			c.OperationMode, c.Redis = conf.RedisConsumer, conf.RedisConfig{Network: "unix", Host: "/run/redis"}
		}, map[string]interface{}{"redisUnixSocketPath": "/run/redis"}},
		"sentinels": {func(c *conf.SplitSdkConfig) {
			c.OperationMode, c.Redis = conf.RedisConsumer, conf.RedisConfig{SentinelAddresses: []string{"a:1"}, SentinelMaster: "m"}
		}, map[string]interface{}{"redisSentinels": []interface{}{"a:1"}, "redisMasterService": "m"}},
		"cluster": {func(c *conf.SplitSdkConfig) {
			c.OperationMode, c.Redis = conf.RedisConsumer, conf.RedisConfig{ClusterNodes: []string{"a:1"}, ClusterKeyHashTag: "{X}"}
		}, map[string]interface{}{"redisClusterNodes": []interface{}{"a:1"}, "redisClusterKeyHashTag": "{X}"}},
	} {
		cfg := conf.Default()
		c.change(cfg)
		got := map[string]interface{}{}
		changed := read(t, "key", cfg)
		for name, value := range changed {
			if !reflect.DeepEqual(value, base[name]) {
				got[name] = value
			}
		}
		for name := range base {
			if _, ok := changed[name]; !ok {
				got[name] = nil
			}
		}
		if !reflect.DeepEqual(got, c.wanted) {
			t.Errorf("%s:\n %v\nnot\n %v", what, got, c.wanted)
		}
	}
	if base["sdkName"] != "go" || base["sdkVersion"] != "1.0.0" || base["strictConfig"] != false {
		t.Errorf("%v", base)
	}
}

func read(t *testing.T, key string, cfg *conf.SplitSdkConfig) map[string]interface{} {
	t.Helper()
	given, err := configuration(key, cfg, "warning")
	if err != nil {
		t.Fatal(err)
	}
	var options map[string]interface{}
	if err := json.Unmarshal(given.options, &options); err != nil {
		t.Fatal(err)
	}
	return options
}

func TestConfigurationsThatCannotBe(t *testing.T) {
	for what, c := range map[string]struct {
		key    string
		change func(*conf.SplitSdkConfig)
		said   string
	}{
		"no key":  {"", func(*conf.SplitSdkConfig) {}, "empty SDK key"},
		"NUL":     {"a\x00", func(*conf.SplitSdkConfig) {}, "NUL"},
		"mode":    {"key", func(c *conf.SplitSdkConfig) { c.OperationMode = "" }, "OperationMode"},
		"no JSON": {"key", func(c *conf.SplitSdkConfig) { c.Options = map[string]interface{}{"a": func() {}} }, "JSON"},
		"certificates": {"key", func(c *conf.SplitSdkConfig) {
			c.OperationMode, c.Redis.TLSConfig = conf.RedisConsumer, &tls.Config{RootCAs: x509.NewCertPool()}
		}, "redisSslCaCerts"},
		"a strict option": {"key", func(c *conf.SplitSdkConfig) {
			c.Options = map[string]interface{}{"strictConfig": true, "featureRefreshRate": 1}
		}, "featuresRefreshRate"},
		"a slip in a name": {"key", func(c *conf.SplitSdkConfig) {
			c.Options = map[string]interface{}{"labelsEnabled": false, "proxyURI": "http://p"}
		}, "unknown option proxyURI; did you mean proxyUrl?"},
		"a slip in a name, though strict is off": {"key", func(c *conf.SplitSdkConfig) {
			c.Options = map[string]interface{}{"strictConfig": false, "colour": 1}
		}, "unknown option colour"},
		"Kerberos": {"key", func(c *conf.SplitSdkConfig) {
			c.Options = map[string]interface{}{"httpAuthenticateScheme": "KERBEROS_SPNEGO"}
		}, "Kerberos"},
		"no Redis": {"key", func(c *conf.SplitSdkConfig) {
			c.OperationMode, c.Redis = conf.RedisConsumer, conf.RedisConfig{Host: "127.0.0.1", Port: 1}
		}, "Redis"},
		"no such file": {"localhost", func(c *conf.SplitSdkConfig) { c.SplitFile = "testdata/none.yaml" }, "none.yaml"},
	} {
		cfg := conf.Default()
		cfg.LoggerConfig.LogLevel = logging.LevelNone
		cfg.Advanced.ImpressionListener = deaf{}
		c.change(cfg)
		factory, err := NewSplitFactory(c.key, cfg)
		if err == nil {
			factory.Destroy()
			t.Errorf("%s: a factory came of it", what)
		} else if factory != nil || !strings.Contains(err.Error(), c.said) {
			t.Errorf("%s: %v, %v", what, factory, err)
		}
	}
}

// In snake case, those of other languages' SDKs, and a null for the default: all known.
func TestNamesOfOptions(t *testing.T) {
	cfg := conf.Default()
	cfg.LoggerConfig.LogLevel = logging.LevelNone
	cfg.SplitFile = "testdata/flags.yaml"
	cfg.Options = map[string]interface{}{"labels_enabled": false, "redisEncoding": "utf-8", "proxyUrl": nil}
	factory, err := NewSplitFactory(conf.Localhost, cfg)
	if err != nil {
		t.Fatal(err)
	}
	factory.Destroy()
}
