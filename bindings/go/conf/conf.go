// Package conf has the configuration of a factory, by the names of Split's own Go client.
//
// Start from Default and change what is needed. What Split's client has no field for goes into Options, by the names of
// libsplitio.
package conf

import (
	"crypto/tls"
	"os/user"
	"path"

	impressionlistener "github.com/libsplitio/libsplitio/bindings/go/impressionListener"
	"github.com/libsplitio/libsplitio/bindings/go/logging"
)

// Values of OperationMode.
const (
	// RedisConsumer reads what a Split Synchronizer put into Redis.
	RedisConsumer = "redis-consumer"
	// Localhost reads a file.
	Localhost = "localhost"
	// InMemoryStandAlone fetches from Split and keeps it in memory.
	InMemoryStandAlone = "inmemory-standalone"
)

// SplitSdkConfig is what a factory starts from. Zero stands for the default in all numbers and texts, but not in what is
// true or false: start from Default.
type SplitSdkConfig struct {
	// OperationMode is InMemoryStandAlone, RedisConsumer or Localhost. The SDK key "localhost" selects the last.
	OperationMode string
	// InstanceName and IPAddress are sent with impressions and events. Empty: those of the machine.
	InstanceName string
	IPAddress    string
	// IPAddressesEnabled false sends "NA" for both.
	IPAddressesEnabled bool
	// BlockUntilReady is ignored with a warning, unless it is 0: waiting is done by the method of that name.
	BlockUntilReady int
	// SplitFile has the flags of localhost mode: ".json" is JSON, ".yaml" and ".yml" are YAML, anything else lines.
	SplitFile string
	// SegmentDirectory has the segments of localhost mode with JSON.
	SegmentDirectory string
	// LabelsEnabled false keeps the names of rules from Split.
	LabelsEnabled bool
	// SplitSyncProxyURL is a Split Proxy: all services are there, and no streaming.
	SplitSyncProxyURL string
	// Logger gets the lines of the SDK, all levels. Nil: one is made from LoggerConfig.
	Logger       logging.LoggerInterface
	LoggerConfig logging.LoggerOptions
	TaskPeriods  TaskPeriods
	Advanced     AdvancedConfig
	// Redis counts in the mode RedisConsumer only.
	Redis RedisConfig
	// ImpressionsMode is "optimized", "debug" or "none", in any letter case.
	ImpressionsMode string
	// LocalhostRefreshEnabled reads the files of localhost mode with JSON again, at the rates of TaskPeriods.
	LocalhostRefreshEnabled bool
	// Options are those of libsplitio by name (docs/configuration.md), such as "fallbackTreatments", "proxyUrl" or
	// "caBundlePath". They win over the fields. NewSplitFactory refuses a name that libsplitio does not know.
	Options map[string]interface{}
}

// TaskPeriods are the pauses between two rounds of what is done in the background, in seconds.
type TaskPeriods struct {
	// SplitSync and SegmentSync are for fetching, while streaming is not connected.
	SplitSync   int
	SegmentSync int
	// ImpressionSync and EventsSync are for posting.
	ImpressionSync int
	// GaugeSync, CounterSync and LatencySync have no effect, as in Split's client.
	GaugeSync     int
	CounterSync   int
	LatencySync   int
	EventsSync    int
	TelemetrySync int
}

// AdvancedConfig is what few programs change.
type AdvancedConfig struct {
	// ImpressionListener gets every impression.
	ImpressionListener impressionlistener.ImpressionListener
	// HTTPTimeout is the longest time to connect, and the longest silence in an answer, in seconds.
	HTTPTimeout int
	// SegmentQueueSize and SegmentWorkers have no effect: segments are fetched as one stream of requests.
	SegmentQueueSize int
	SegmentWorkers   int
	// URLs of the services, in the form of Split's client: "https://sdk.split.io/api", "https://events.split.io/api",
	// "https://auth.split.io", "https://streaming.split.io/sse", "https://telemetry.split.io/api/v1". Empty: Split's.
	AuthServiceURL      string
	SdkURL              string
	EventsURL           string
	StreamingServiceURL string
	TelemetryServiceURL string
	// Sizes of posts and queues, in items.
	EventsBulkSize       int64
	EventsQueueSize      int
	ImpressionsQueueSize int
	ImpressionsBulkSize  int64
	// StreamingEnabled false polls.
	StreamingEnabled bool
	// FlagSetsFilter keeps only the flags of these sets.
	FlagSetsFilter []string
	// FeatureFlagRules and RuleBasedSegmentRules have no effect: all matchers are known.
	FeatureFlagRules      []string
	RuleBasedSegmentRules []string
	// RetryEnabled has no effect: what fails is always retried.
	RetryEnabled bool
}

// RedisConfig says where the Redis is that a Split Synchronizer fills. Times are in seconds.
type RedisConfig struct {
	Host     string
	Port     int
	Database int
	Password string
	Username string
	Prefix   string
	// Network "unix" takes Host as the path of a socket.
	Network string
	// MaxRetries above 0 repeats a read that timed out, once.
	MaxRetries  int
	DialTimeout int
	// ReadTimeout and WriteTimeout: the longer one is the limit of a command.
	ReadTimeout  int
	WriteTimeout int
	PoolSize     int
	// SentinelAddresses and SentinelMaster, or ClusterNodes and ClusterKeyHashTag, are used instead of Host and Port.
	SentinelAddresses []string
	SentinelMaster    string
	ClusterNodes      []string
	ClusterKeyHashTag string
	// TLSConfig not nil is TLS. Of its fields, ServerName and InsecureSkipVerify count. Certificates are files, in
	// Options: "redisSslCaCerts", "redisSslCertfile", "redisSslKeyfile".
	TLSConfig *tls.Config
}

// Default is a configuration with the defaults of Split's client.
func Default() *SplitSdkConfig {
	file := "splits"
	if me, err := user.Current(); err == nil {
		file = path.Join(me.HomeDir, ".splits")
	}
	return &SplitSdkConfig{
		OperationMode:      InMemoryStandAlone,
		IPAddressesEnabled: true,
		SplitFile:          file,
		LabelsEnabled:      true,
		ImpressionsMode:    "optimized",
		TaskPeriods: TaskPeriods{
			SplitSync:      60,
			SegmentSync:    60,
			ImpressionSync: 300,
			GaugeSync:      3600,
			CounterSync:    3600,
			LatencySync:    3600,
			EventsSync:     60,
			TelemetrySync:  3600,
		},
		Advanced: AdvancedConfig{
			HTTPTimeout:          30,
			SegmentQueueSize:     500,
			SegmentWorkers:       10,
			EventsBulkSize:       5000,
			EventsQueueSize:      10000,
			ImpressionsQueueSize: 10000,
			ImpressionsBulkSize:  5000,
			StreamingEnabled:     true,
			RetryEnabled:         true,
		},
		Redis: RedisConfig{Host: "localhost", Port: 6379},
	}
}
