package client_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/libsplitio/libsplitio/bindings/go/client"
	"github.com/libsplitio/libsplitio/bindings/go/dtos"
	"github.com/libsplitio/libsplitio/bindings/go/internal/backend"
)

// asInGo turns the numbers of a fixture into those of a program: whole ones stay whole.
func asInGo(value interface{}) interface{} {
	switch value := value.(type) {
	case json.Number:
		if strings.ContainsAny(string(value), ".eE") {
			float, _ := value.Float64()
			return float
		}
		if whole, err := value.Int64(); err == nil {
			return whole
		}
		huge, _ := new(big.Int).SetString(string(value), 10)
		return huge
	case []interface{}:
		for i := range value {
			value[i] = asInGo(value[i])
		}
	case map[string]interface{}:
		for name := range value {
			value[name] = asInGo(value[name])
		}
	}
	return value
}

// The whole-evaluation fixtures, fetched from the emulator: treatment and configuration, and label and change number from
// the listener.
func TestEvaluationScenarios(t *testing.T) {
	cases := 0
	for _, scenario := range backend.Scenarios(t) {
		scenario := scenario
		cases += len(scenario.Cases)
		t.Run(strings.ReplaceAll(scenario.Name, "/", " "), func(t *testing.T) {
			t.Parallel()
			evaluate(t, &scenario)
		})
	}
	if cases != 158 {
		t.Errorf("%d cases, not 158", cases)
	}
}

func evaluate(t *testing.T, scenario *backend.Scenario) {
	b := backend.Start(t, backend.Document(scenario.Flags, scenario.RuleBasedSegments), scenario.Segments)
	cfg := at(b)
	heard := &ear{}
	cfg.Advanced.ImpressionListener = heard
	if scenario.Fallback != nil {
		cfg.Options = map[string]interface{}{
			"fallbackTreatments": map[string]interface{}{"global": scenario.Fallback.Global, "byFlag": scenario.Fallback.ByFlag},
		}
	}
	factory := started(t, sdkKey, cfg)
	split := factory.Client()
	var wanted []dtos.Impression
	for _, c := range scenario.Cases {
		var key interface{} = c.Key
		impression := dtos.Impression{KeyName: c.Key, FeatureName: c.Flag, Treatment: c.Expected.Treatment, ChangeNumber: -1}
		if c.BucketingKey != nil {
			key = client.NewKey(c.Key, *c.BucketingKey)
			impression.BucketingKey = *c.BucketingKey
		}
		if c.Expected.Label != nil {
			impression.Label = *c.Expected.Label
		}
		if c.Expected.ChangeNumber != nil {
			impression.ChangeNumber = *c.Expected.ChangeNumber
		}
		if c.Expected.Impression {
			wanted = append(wanted, impression)
		}
		var attributes map[string]interface{}
		if c.Attributes != nil {
			attributes = asInGo(c.Attributes).(map[string]interface{})
		}
		result := split.TreatmentWithConfig(key, c.Flag, attributes)
		if result.Treatment != c.Expected.Treatment || !reflect.DeepEqual(result.Config, c.Expected.Config) {
			t.Errorf("%s for %v, %v: %s with %s, not %s with %s", c.Flag, key, attributes,
				result.Treatment, show(result.Config), c.Expected.Treatment, show(c.Expected.Config))
		}
	}
	flushed(t, factory)
	var got []dtos.Impression
	for _, data := range heard.all() {
		data.Impression.Time, data.Impression.Pt = 0, 0
		got = append(got, data.Impression)
	}
	if !reflect.DeepEqual(got, wanted) {
		t.Errorf("impressions:\n %+v\nnot\n %+v", got, wanted)
	}
}

func show(config *string) string {
	if config == nil {
		return "no configuration"
	}
	return fmt.Sprintf("%q", *config)
}

func TestSplitViews(t *testing.T) {
	var cases []struct {
		Flag interface{} `json:"flag"`
		View struct {
			Name                string            `json:"name"`
			TrafficType         *string           `json:"traffic_type"`
			Killed              bool              `json:"killed"`
			Treatments          []string          `json:"treatments"`
			ChangeNumber        int64             `json:"change_number"`
			Configs             map[string]string `json:"configs"`
			DefaultTreatment    string            `json:"default_treatment"`
			Sets                []string          `json:"sets"`
			ImpressionsDisabled bool              `json:"impressions_disabled"`
			Prerequisites       []struct {
				Flag       string   `json:"flag_name"`
				Treatments []string `json:"treatments"`
			} `json:"prerequisites"`
		} `json:"view"`
	}
	backend.Fixture(t, "split_views.json", &cases)
	if len(cases) != 6 {
		t.Fatalf("%d cases, not 6", len(cases))
	}
	for _, c := range cases {
		wanted := client.SplitView{
			Name: c.View.Name, Killed: c.View.Killed, Treatments: c.View.Treatments, ChangeNumber: c.View.ChangeNumber,
			Configs: c.View.Configs, DefaultTreatment: c.View.DefaultTreatment, Sets: c.View.Sets,
			ImpressionsDisabled: c.View.ImpressionsDisabled, Prerequisites: []dtos.Prerequisite{},
		}
		if c.View.TrafficType != nil {
			wanted.TrafficType = *c.View.TrafficType
		}
		for _, one := range c.View.Prerequisites {
			wanted.Prerequisites = append(wanted.Prerequisites, dtos.Prerequisite{FeatureFlagName: one.Flag, Treatments: one.Treatments})
		}
		manager := started(t, sdkKey, at(backend.Start(t, backend.Flags(c.Flag), nil))).Manager()
		if got := manager.Split(wanted.Name); got == nil || !reflect.DeepEqual(*got, wanted) {
			t.Errorf("Split:\n %+v\nnot\n %+v", got, wanted)
		}
		if got := manager.Splits(); len(got) != 1 || !reflect.DeepEqual(got[0], wanted) {
			t.Errorf("Splits:\n %+v\nnot\n %+v", got, wanted)
		}
		if got := manager.SplitNames(); !reflect.DeepEqual(got, []string{wanted.Name}) {
			t.Errorf("SplitNames: %v", got)
		}
	}
}
