package official

import (
	"fmt"
	"os"
	"sort"
	"testing"
	"time"

	"github.com/libsplitio/libsplitio/bindings/go/client"
	"github.com/libsplitio/libsplitio/bindings/go/internal/backend"
)

// subject is what both clients can do.
type subject interface {
	Treatment(key interface{}, flag string, attributes map[string]interface{}) string
	Treatments(key interface{}, flags []string, attributes map[string]interface{}) map[string]string
	TreatmentsByFlagSet(key interface{}, set string, attributes map[string]interface{}) map[string]string
}

// TestBench measures both clients in one process, in turns, at one backend. It prints medians: of nanoseconds for a call,
// and of how many times longer Split's client takes in each round.
func TestBench(t *testing.T) {
	if os.Getenv("SPLITIO_BENCH") == "" {
		t.Skip("scripts/bench go")
	}
	var flags []interface{}
	names := make([]string, 20)
	for i := range names {
		names[i] = fmt.Sprintf("flag_%d", i)
		flags = append(flags, rollout(names[i]))
	}
	flags = append(flags, adults())
	b := backend.Start(t, backend.Flags(flags...), nil, "--no-record")
	our, their := ours(t, b), theirs(t, b)
	keys := make([]string, 64)
	for i := range keys {
		keys[i] = fmt.Sprintf("user-%d", i)
	}
	two := map[string]interface{}{"age": 31, "country": "fr"}
	four := map[string]interface{}{"plan": "pro", "age": 31, "country": "fr", "beta": true}
	others := make([]map[string]interface{}, len(keys))
	for i := range others {
		others[i] = map[string]interface{}{"plan": fmt.Sprintf("plan-%d", i), "age": 18 + i, "country": "fr", "beta": i%2 == 0}
	}
	one := func(flag string, attributes ...map[string]interface{}) func(subject, int) {
		return func(s subject, calls int) {
			for i := 0; i < calls; i++ {
				if got := s.Treatment(keys[i%len(keys)], flag, attributes[i%len(attributes)]); got != "on" {
					t.Fatalf("answered %s", got)
				}
			}
		}
	}
	withConfig := func(flag string, attributes map[string]interface{}) func(subject, int) {
		return func(s subject, calls int) {
			for i := 0; i < calls; i++ {
				var config *string
				switch s := s.(type) {
				case *client.SplitClient:
					config = s.TreatmentWithConfig(keys[i%len(keys)], flag, attributes).Config
				default:
					config = their.TreatmentWithConfig(keys[i%len(keys)], flag, attributes).Config
				}
				if config == nil {
					t.Fatal("no configuration")
				}
			}
		}
	}
	many := func(call func(s subject, key string) map[string]string) func(subject, int) {
		return func(s subject, calls int) {
			for i := 0; i < calls; i++ {
				if got := call(s, keys[i%len(keys)]); len(got) != len(names) {
					t.Fatalf("%d answers", len(got))
				}
			}
		}
	}
	fmt.Printf("%-38s %10s %10s %8s\n", "", "ours, ns", "theirs, ns", "times")
	for _, c := range []struct {
		what  string
		calls int
		call  func(subject, int)
	}{
		{"Treatment", 10000, one("flag_7", nil)},
		// As a request does that asks for more than one flag.
		{"Treatment by two attributes", 10000, one("adults", two)},
		{"Treatment by two of four attributes", 10000, one("adults", four)},
		{"Treatment, four attributes unused", 10000, one("flag_7", four)},
		// Split's client hands the map on; ours cannot know what nobody will look at.
		{"... by four that are new each time", 10000, one("adults", others...)},
		{"... new each time, and unused", 10000, one("flag_7", others...)},
		{"TreatmentWithConfig", 10000, withConfig("flag_7", nil)},
		{"TreatmentWithConfig, four attributes", 10000, withConfig("adults", four)},
		{"Treatments of 20 flags", 500, many(func(s subject, key string) map[string]string { return s.Treatments(key, names, nil) })},
		{"TreatmentsByFlagSet of 20 flags", 500, many(func(s subject, key string) map[string]string { return s.TreatmentsByFlagSet(key, "web", four) })},
	} {
		c.call(our, c.calls)
		c.call(their, c.calls)
		var fast, slow, ratios []float64
		for round := 0; round < 15; round++ {
			ourTime := timed(func() { c.call(our, c.calls) })
			theirTime := timed(func() { c.call(their, c.calls) })
			fast = append(fast, ourTime/float64(c.calls))
			slow = append(slow, theirTime/float64(c.calls))
			ratios = append(ratios, theirTime/ourTime)
		}
		fmt.Printf("%-38s %10.0f %10.0f %7.1fx\n", c.what, median(fast), median(slow), median(ratios))
	}
}

func timed(what func()) float64 {
	start := time.Now()
	what()
	return float64(time.Since(start).Nanoseconds())
}

func median(values []float64) float64 {
	sort.Float64s(values)
	return values[len(values)/2]
}

func condition(kind string, partitions []interface{}, matchers ...interface{}) interface{} {
	return map[string]interface{}{
		"conditionType": kind, "label": kind,
		"matcherGroup": map[string]interface{}{"combiner": "AND", "matchers": matchers},
		"partitions":   partitions,
	}
}

func shares(on, off int) []interface{} {
	return []interface{}{
		map[string]interface{}{"treatment": "on", "size": on}, map[string]interface{}{"treatment": "off", "size": off},
	}
}

func flag(name, set string, conditions ...interface{}) interface{} {
	return map[string]interface{}{
		"name": name, "status": "ACTIVE", "killed": false, "defaultTreatment": "off", "trafficTypeName": "user",
		"changeNumber": 5, "algo": 2, "seed": 7, "trafficAllocation": 100, "trafficAllocationSeed": 7,
		"configurations": map[string]string{"on": `{"color":"blue"}`}, "sets": []string{set}, "conditions": conditions,
	}
}

// A flag that is on for everybody, after a list that does not have them.
func rollout(name string) interface{} {
	return flag(name, "web",
		condition("WHITELIST", shares(0, 100), map[string]interface{}{"matcherType": "WHITELIST", "negate": false,
			"whitelistMatcherData": map[string]interface{}{"whitelist": []string{"ann", "eve"}}}),
		condition("ROLLOUT", shares(100, 0), map[string]interface{}{"matcherType": "ALL_KEYS", "negate": false}))
}

// A flag that is on for who is 18 and lives in one of eight countries.
func adults() interface{} {
	of := func(attribute string) interface{} {
		return map[string]interface{}{"trafficType": "user", "attribute": attribute}
	}
	return flag("adults", "mobile", condition("ROLLOUT", shares(100, 0),
		map[string]interface{}{"matcherType": "GREATER_THAN_OR_EQUAL_TO", "negate": false, "keySelector": of("age"),
			"unaryNumericMatcherData": map[string]interface{}{"dataType": "NUMBER", "value": 18}},
		map[string]interface{}{"matcherType": "WHITELIST", "negate": false, "keySelector": of("country"),
			"whitelistMatcherData": map[string]interface{}{
				"whitelist": []string{"at", "be", "ch", "de", "es", "fr", "it", "nl"}}}))
}
