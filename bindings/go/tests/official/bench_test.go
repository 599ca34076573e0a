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
	b := backend.Start(t, backend.Flags(flags...), nil, "--no-record")
	our, their := ours(t, b), theirs(t, b)
	keys := make([]string, 64)
	for i := range keys {
		keys[i] = fmt.Sprintf("user-%d", i)
	}
	attributes := map[string]interface{}{"plan": "pro", "age": 31, "country": "fr", "beta": true}
	one := func(attributes map[string]interface{}) func(subject, int) {
		return func(s subject, calls int) {
			for i := 0; i < calls; i++ {
				if got := s.Treatment(keys[i%len(keys)], "flag_7", attributes); got != "on" {
					t.Fatalf("answered %s", got)
				}
			}
		}
	}
	withConfig := func(s subject, calls int) {
		for i := 0; i < calls; i++ {
			var config *string
			switch s := s.(type) {
			case *client.SplitClient:
				config = s.TreatmentWithConfig(keys[i%len(keys)], "flag_7", nil).Config
			default:
				config = their.TreatmentWithConfig(keys[i%len(keys)], "flag_7", nil).Config
			}
			if config == nil {
				t.Fatal("no configuration")
			}
		}
	}
	many := func(s subject, calls int) {
		for i := 0; i < calls; i++ {
			if got := s.Treatments(keys[i%len(keys)], names, nil); len(got) != len(names) {
				t.Fatalf("%d answers", len(got))
			}
		}
	}
	fmt.Printf("%-36s %10s %10s %8s\n", "", "ours, ns", "theirs, ns", "times")
	for _, c := range []struct {
		what  string
		calls int
		call  func(subject, int)
	}{
		{"Treatment", 10000, one(nil)},
		{"Treatment with four attributes", 10000, one(attributes)},
		{"TreatmentWithConfig", 10000, withConfig},
		{"Treatments of 20 flags", 500, many},
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
		fmt.Printf("%-36s %10.0f %10.0f %7.1fx\n", c.what, median(fast), median(slow), median(ratios))
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

// A flag that is on for everybody, after a list and a rule that are not met.
func rollout(name string) interface{} {
	condition := func(kind string, matcher map[string]interface{}, partitions ...interface{}) interface{} {
		return map[string]interface{}{
			"conditionType": kind, "label": kind,
			"matcherGroup": map[string]interface{}{"combiner": "AND", "matchers": []interface{}{matcher}},
			"partitions":   partitions,
		}
	}
	share := func(treatment string, size int) interface{} {
		return map[string]interface{}{"treatment": treatment, "size": size}
	}
	return map[string]interface{}{
		"name": name, "status": "ACTIVE", "killed": false, "defaultTreatment": "off", "trafficTypeName": "user",
		"changeNumber": 5, "algo": 2, "seed": 7, "trafficAllocation": 100, "trafficAllocationSeed": 7,
		"configurations": map[string]string{"on": `{"color":"blue"}`},
		"conditions": []interface{}{
			condition("WHITELIST", map[string]interface{}{"matcherType": "WHITELIST", "negate": false,
				"whitelistMatcherData": map[string]interface{}{"whitelist": []string{"ann", "eve"}}}, share("off", 100)),
			condition("ROLLOUT", map[string]interface{}{"matcherType": "ALL_KEYS", "negate": false}, share("on", 100), share("off", 0)),
		},
	}
}
