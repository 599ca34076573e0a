package client_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/libsplitio/libsplitio/bindings/go/client"
	"github.com/libsplitio/libsplitio/bindings/go/internal/backend"
)

// Attributes go in memory that is used again, and what is in there already is not written again: each of them after each
// other, on several goroutines.
func TestAttributesInTurn(t *testing.T) {
	matcher := func(attribute, kind string, data map[string]interface{}) map[string]interface{} {
		made := map[string]interface{}{"matcherType": kind, "negate": false,
			"keySelector": map[string]interface{}{"trafficType": "user", "attribute": attribute}}
		for name, value := range data {
			made[name] = value
		}
		return made
	}
	texts := map[string]interface{}{"whitelistMatcherData": map[string]interface{}{"whitelist": []string{"pro", "max"}}}
	b := backend.Start(t, backend.Flags(flag("f", map[string]interface{}{"conditions": []interface{}{map[string]interface{}{
		"conditionType": "ROLLOUT", "label": "all four",
		"matcherGroup": map[string]interface{}{"combiner": "AND", "matchers": []interface{}{
			matcher("plan", "WHITELIST", texts), matcher("plans", "CONTAINS_ALL_OF_SET", texts),
			matcher("age", "EQUAL_TO", map[string]interface{}{"unaryNumericMatcherData": map[string]interface{}{"dataType": "NUMBER", "value": 18}}),
			matcher("beta", "EQUAL_TO_BOOLEAN", map[string]interface{}{"booleanMatcherData": true}),
		}},
		"partitions": []interface{}{map[string]interface{}{"treatment": "on", "size": 100}},
	}}})), nil)
	split := started(t, sdkKey, at(b)).Client()
	with := func(changes map[string]interface{}) map[string]interface{} {
		attributes := map[string]interface{}{"plan": "pro", "plans": []string{"pro", "max"}, "age": 18, "beta": true}
		for name, value := range changes {
			attributes[name] = value
			if value == nil {
				delete(attributes, name)
			}
		}
		return attributes
	}
	type one = map[string]interface{}
	cases := []struct {
		attributes map[string]interface{}
		wanted     string
	}{
		{with(nil), "on"}, {with(one{"plan": "max"}), "on"}, {with(one{"plan": "free"}), "off"}, {with(one{"plan": nil}), "off"},
		{with(one{"plan": nil, "plam": "pro"}), "off"}, {with(one{"plan": 1}), "off"}, {with(one{"age": uint8(18)}), "on"},
		{with(one{"age": 19}), "off"}, {with(one{"age": json.Number("18")}), "on"}, {with(one{"beta": false}), "off"},
		{with(one{"plans": []string{"pro"}}), "off"}, {with(one{"plans": []string{"max", "pro", "x"}}), "on"},
		{with(one{"plans": []interface{}{"max", "pro"}}), "on"}, {with(one{"more": 1.5}), "on"}, {with(one{"more": "é"}), "on"},
		{one{}, "off"}, {nil, "off"},
	}
	var all sync.WaitGroup
	for goroutine := 0; goroutine < 4; goroutine++ {
		all.Add(1)
		go func(goroutine int) {
			defer all.Done()
			for i := 0; i < len(cases)*len(cases); i++ {
				// Each after each other.
				before, after := cases[i/len(cases)], cases[(i+goroutine)%len(cases)]
				split.Treatment("bob", "f", before.attributes)
				if got := split.Treatment("bob", "f", after.attributes); got != after.wanted {
					t.Errorf("%v after %v: %s", after.attributes, before.attributes, got)
				}
				if got := split.TreatmentsByFlagSet("bob", "web", after.attributes)["f"]; got != after.wanted {
					t.Errorf("%v again, by flag set: %s", after.attributes, got)
				}
			}
		}(goroutine)
	}
	all.Wait()
}

func TestNothingIsAllocated(t *testing.T) {
	split := started(t, sdkKey, at(threeFlags(t))).Client()
	key, name := strings.Repeat("bob", 2), strings.Repeat("g", 1)
	attributes := map[string]interface{}{"plan": "pro", "age": 31, "score": 1.5, "beta": true}
	others := make([]map[string]interface{}, 3)
	for i := range others {
		others[i] = map[string]interface{}{"plan": strings.Repeat("x", 5*i), "age": uint32(i), "cities": []string{"Paris", "Rome"}[:i]}
	}
	turn := 0
	pair := client.NewKey(key, "b")
	for what, call := range map[string]func(){
		"Treatment":                 func() { split.Treatment(key, name, nil) },
		"Treatment, literals":       func() { split.Treatment("bob", "g", nil) },
		"Treatment, pair":           func() { split.Treatment(pair, name, nil) },
		"Treatment, attributes":     func() { split.Treatment(key, name, attributes) },
		"Treatment, new attributes": func() { turn++; split.Treatment(key, name, others[turn%len(others)]) },
		"Treatment, unknown":        func() { split.Treatment(key, "nope", nil) },
		"TreatmentWithConfig, none": func() { split.TreatmentWithConfig(key, name, nil) },
	} {
		if allocations := testing.AllocsPerRun(500, call); allocations != 0 && !raceEnabled {
			t.Errorf("%s: %v allocations", what, allocations)
		}
	}
}
