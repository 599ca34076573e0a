package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	splitio "github.com/libsplitio/libsplitio/bindings/go"
	"github.com/libsplitio/libsplitio/bindings/go/conf"
)

// options collects what libsplitio shall hear of a configuration. What is zero is left to its defaults.
type options map[string]interface{}

func (o options) text(name, value string) {
	if strings.TrimSpace(value) != "" {
		o[name] = value
	}
}

func (o options) number(name string, value int64) {
	if value != 0 {
		o[name] = value
	}
}

func (o options) list(name string, values []string) {
	if len(values) > 0 {
		o[name] = values
	}
}

// settings is what the library is given.
type settings struct {
	key string
	// JSON, an object of options.
	options []byte
	// names is an object too, of those options that a program named itself, each null. It is read strictly: a name that the
	// library does not know is a slip of the program's, not something that another version of it understands.
	names []byte
}

// configuration is what a configuration comes to.
func configuration(apikey string, cfg *conf.SplitSdkConfig, level string) (settings, error) {
	mode := cfg.OperationMode
	if apikey == conf.Localhost {
		mode = conf.Localhost
	}
	o := options{
		// As users of Split's client expect: a number that cannot be is a warning, and the default.
		"strictConfig":            false,
		"logLevel":                level,
		"sdkName":                 "go",
		"sdkVersion":              splitio.Version,
		"labelsEnabled":           cfg.LabelsEnabled,
		"IPAddressesEnabled":      cfg.IPAddressesEnabled,
		"streamingEnabled":        cfg.Advanced.StreamingEnabled && cfg.SplitSyncProxyURL == "",
		"localhostRefreshEnabled": cfg.LocalhostRefreshEnabled,
	}
	switch mode {
	case conf.Localhost:
		apikey = conf.Localhost
	case conf.RedisConsumer:
		if err := o.redis(&cfg.Redis); err != nil {
			return settings{}, err
		}
	case conf.InMemoryStandAlone:
	default:
		return settings{}, fmt.Errorf("OperationMode %q is none of %q, %q and %q",
			mode, conf.InMemoryStandAlone, conf.RedisConsumer, conf.Localhost)
	}
	if apikey == "" {
		return settings{}, errors.New("factory instantiation: you passed an empty SDK key, SDK key must be a non-empty string")
	}
	o.text("machineName", cfg.InstanceName)
	o.text("machineIp", cfg.IPAddress)
	o.number("ready", int64(cfg.BlockUntilReady))
	o.text("splitFile", cfg.SplitFile)
	o.text("segmentDirectory", cfg.SegmentDirectory)
	o.text("impressionsMode", cfg.ImpressionsMode)
	o.number("featuresRefreshRate", int64(cfg.TaskPeriods.SplitSync))
	o.number("segmentsRefreshRate", int64(cfg.TaskPeriods.SegmentSync))
	o.number("impressionsRefreshRate", int64(cfg.TaskPeriods.ImpressionSync))
	o.number("eventsPushRate", int64(cfg.TaskPeriods.EventsSync))
	o.number("metricsRefreshRate", int64(cfg.TaskPeriods.TelemetrySync))
	o.advanced(&cfg.Advanced)
	if cfg.SplitSyncProxyURL != "" {
		o.services(cfg.SplitSyncProxyURL, cfg.SplitSyncProxyURL, cfg.SplitSyncProxyURL, cfg.SplitSyncProxyURL, cfg.SplitSyncProxyURL)
	}
	given := options{}
	for name, value := range cfg.Options {
		o[name] = value
		given[name] = nil
	}
	text, err := json.Marshal(o)
	if err != nil {
		return settings{}, fmt.Errorf("the options are not what JSON can hold: %w", err)
	}
	names, err := json.Marshal(given)
	if err != nil {
		return settings{}, fmt.Errorf("the names of the options are not what JSON can hold: %w", err)
	}
	return settings{key: apikey, options: text, names: names}, nil
}

func (o options) advanced(advanced *conf.AdvancedConfig) {
	o.number("connectionTimeout", int64(advanced.HTTPTimeout)*1000)
	o.number("readTimeout", int64(advanced.HTTPTimeout)*1000)
	o.number("eventsBulkSize", advanced.EventsBulkSize)
	o.number("eventsQueueSize", int64(advanced.EventsQueueSize))
	o.number("impressionsBulkSize", advanced.ImpressionsBulkSize)
	o.number("impressionsQueueSize", int64(advanced.ImpressionsQueueSize))
	o.list("flagSetsFilter", advanced.FlagSetsFilter)
	o.services(advanced.SdkURL, advanced.EventsURL, advanced.AuthServiceURL, advanced.StreamingServiceURL, advanced.TelemetryServiceURL)
}

// services sets the base URLs. Split's Go client cuts three of them in other places than the other SDKs, and libsplitio.
func (o options) services(sdk, events, auth, streaming, telemetry string) {
	o.text("sdk_api_base_url", sdk)
	o.text("events_api_base_url", events)
	if auth = strings.TrimRight(auth, "/"); auth != "" {
		o.text("auth_api_base_url", strings.TrimSuffix(auth, "/api")+"/api")
	}
	streaming = strings.TrimRight(streaming, "/")
	o.text("streaming_api_base_url", strings.TrimSuffix(strings.TrimSuffix(streaming, "/sse"), "/event-stream"))
	o.text("telemetry_api_base_url", strings.TrimSuffix(strings.TrimRight(telemetry, "/"), "/v1"))
}

func (o options) redis(redis *conf.RedisConfig) error {
	switch {
	case len(redis.SentinelAddresses) > 0:
		o.list("redisSentinels", redis.SentinelAddresses)
		o.text("redisMasterService", redis.SentinelMaster)
	case len(redis.ClusterNodes) > 0:
		o.list("redisClusterNodes", redis.ClusterNodes)
		o.text("redisClusterKeyHashTag", redis.ClusterKeyHashTag)
	case redis.Network == "unix":
		o["redisUnixSocketPath"] = redis.Host
	default:
		o["redisHost"] = "localhost"
		o.text("redisHost", redis.Host)
		o.number("redisPort", int64(redis.Port))
	}
	o.number("redisDb", int64(redis.Database))
	o.text("redisUsername", redis.Username)
	if redis.Password != "" {
		o["redisPassword"] = redis.Password
	}
	o.text("redisPrefix", redis.Prefix)
	if redis.MaxRetries > 0 {
		o["redisRetryOnTimeout"] = true
	}
	o.number("redisSocketConnectTimeout", int64(redis.DialTimeout))
	limit := redis.ReadTimeout
	if redis.WriteTimeout > limit {
		limit = redis.WriteTimeout
	}
	o.number("redisSocketTimeout", int64(limit))
	o.number("redisMaxConnections", int64(redis.PoolSize))
	if redis.TLSConfig == nil {
		return nil
	}
	if redis.TLSConfig.RootCAs != nil || len(redis.TLSConfig.Certificates) > 0 || redis.TLSConfig.GetClientCertificate != nil {
		return errors.New("certificates for Redis are given as files: redisSslCaCerts, redisSslCertfile and redisSslKeyfile in Options")
	}
	o["redisSsl"] = true
	o.text("redisSslServerName", redis.TLSConfig.ServerName)
	if redis.TLSConfig.InsecureSkipVerify {
		o["redisSslCertReqs"] = "none"
	}
	return nil
}
