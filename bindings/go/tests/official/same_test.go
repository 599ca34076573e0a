package official

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/libsplitio/libsplitio/bindings/go/client"
	"github.com/libsplitio/libsplitio/bindings/go/internal/backend"
	official "github.com/splitio/go-client/v6/splitio/client"
)

// different lists the scenarios in which Split's Go client answers otherwise, and why: it disagrees with Split's Python SDK
// there, whose behaviour libsplitio has. Each must differ: what is the same some day is to be struck from the list.
var different = map[string]string{
	"legacy algo and missing algo":                               "the legacy hash is of bytes, and unsigned",
	"partitions that do not cover the bucket give control":       "the default treatment is given",
	"traffic allocation out of range is 100":                     "a missing one is 0",
	"prerequisites met / not met":                                "no configuration without the prerequisites",
	"unsupported matcher is still subject to traffic allocation": "always control",
	"rbs: second of two excluded standard segments counts":       "only the first one does",
	"rbs: unknown rule based segment":                            "an unknown one is a failure",
	"rbs: negated unknown rule based segment":                    "an unknown one is a failure",
	"rbs: unknown excluded rule based segment":                   "an unknown one is a failure",
	"rbs: archived segment is unknown":                           "an unknown one is a failure",
}

// unready lists the scenarios with a segment that the backend does not have: Split's Go client never gets ready.
var unready = map[string]bool{
	"segments": true,
	"rbs: excluded standard segment that is not loaded": true,
}

// fatal lists the scenarios that end a process with Split's Go client in it, by a stack that overflows.
var fatal = map[string]bool{
	"dependency cycle is an exception":   true,
	"prerequisite cycle is an exception": true,
	"rbs: cycle is an exception":         true,
}

func plain(value interface{}) interface{} {
	switch value := value.(type) {
	case json.Number:
		if whole, err := value.Int64(); err == nil && !strings.ContainsAny(string(value), ".eE") {
			return int(whole)
		}
		float, _ := value.Float64()
		return float
	case []interface{}:
		for i := range value {
			value[i] = plain(value[i])
		}
	case map[string]interface{}:
		for name := range value {
			value[name] = plain(value[name])
		}
	}
	return value
}

func TestTheSameTreatments(t *testing.T) {
	compared := 0
	for _, scenario := range backend.Scenarios(t) {
		scenario := scenario
		// Split's Go client has no fallback treatments.
		if scenario.Fallback != nil || fatal[scenario.Name] || unready[scenario.Name] {
			continue
		}
		compared++
		t.Run(strings.ReplaceAll(scenario.Name, "/", " "), func(t *testing.T) {
			b := backend.Start(t, backend.Document(scenario.Flags, scenario.RuleBasedSegments), scenario.Segments)
			our, their := ours(t, b), theirs(t, b)
			reason, expected := different[scenario.Name]
			differs := false
			for _, c := range scenario.Cases {
				var ourKey, theirKey interface{} = c.Key, c.Key
				if c.BucketingKey != nil {
					ourKey, theirKey = client.NewKey(c.Key, *c.BucketingKey), official.NewKey(c.Key, *c.BucketingKey)
				}
				var attributes map[string]interface{}
				if c.Attributes != nil {
					attributes = plain(c.Attributes).(map[string]interface{})
				}
				one := our.TreatmentWithConfig(ourKey, c.Flag, attributes)
				other := client.TreatmentResult(their.TreatmentWithConfig(theirKey, c.Flag, attributes))
				if reflect.DeepEqual(one, other) {
					continue
				}
				differs = true
				if !expected {
					t.Errorf("%s for %v, %v: %s, and theirs is %s", c.Flag, ourKey, attributes, show(one), show(other))
				}
			}
			if expected && !differs {
				t.Errorf("the same, but it should not be: %s", reason)
			}
		})
	}
	if compared != 53 {
		t.Errorf("%d scenarios were compared, not 53", compared)
	}
}

func show(result client.TreatmentResult) string {
	if result.Config == nil {
		return result.Treatment
	}
	return result.Treatment + " with " + *result.Config
}
