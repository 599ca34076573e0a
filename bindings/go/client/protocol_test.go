package client_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/libsplitio/libsplitio/bindings/go/conf"
	"github.com/libsplitio/libsplitio/bindings/go/internal/backend"
)

const agent = "go-1.0.0"

func bodies(t *testing.T, requests []backend.Request, into func([]byte)) {
	t.Helper()
	for _, request := range requests {
		if got := request.Header("SplitSDKVersion"); got != agent {
			t.Errorf("%s has SplitSDKVersion %q", request.Path, got)
		}
		if got := request.Header("Authorization"); got != "Bearer "+sdkKey {
			t.Errorf("%s has the wrong Authorization", request.Path)
		}
		into(request.Body)
	}
}

func read(t *testing.T, text []byte, into interface{}) {
	t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

func TestDefinitionsAreAskedForAsGo(t *testing.T) {
	b := backend.Start(t, backend.Flags(flag("f", nil)), nil)
	cfg := at(b)
	cfg.Advanced.FlagSetsFilter = []string{"web", "app"}
	cfg.InstanceName, cfg.IPAddress = "the-machine", "10.1.2.3"
	started(t, sdkKey, cfg)
	requests := b.Requests("splitChanges", 1)
	bodies(t, requests, func([]byte) {})
	if query := requests[0].Query; !strings.Contains(query, "since=-1") || !strings.Contains(query, "sets=app%2Cweb") {
		t.Errorf("asked %q", query)
	}
	// What goes with the name of the machine is posted.
	for _, request := range b.Requests("metrics/config", 1) {
		if request.Header("SplitSDKMachineName") != "the-machine" || request.Header("SplitSDKMachineIP") != "10.1.2.3" {
			t.Errorf("the machine is %v", request.Headers)
		}
	}
}

func TestImpressionsArePosted(t *testing.T) {
	b := backend.Start(t, backend.Flags(flag("f", nil)), nil)
	cfg := at(b)
	cfg.ImpressionsMode = "DEBUG"
	factory := started(t, sdkKey, cfg)
	split := factory.Client()
	split.Treatment("ann", "f", nil)
	split.WithEvaluationOptions(clientOptions(map[string]interface{}{"page": "cart", "n": 2})).Treatment("bob", "f", nil)
	flushed(t, factory)
	var keys []string
	bodies(t, b.Requests("testImpressions/bulk", 1), func(body []byte) {
		var posts []struct {
			Flag string `json:"f"`
			Of   []struct {
				Key        string `json:"k"`
				Treatment  string `json:"t"`
				Label      string `json:"r"`
				Number     int64  `json:"c"`
				Time       int64  `json:"m"`
				Properties string `json:"properties"`
			} `json:"i"`
		}
		read(t, body, &posts)
		for _, post := range posts {
			for _, one := range post.Of {
				keys = append(keys, one.Key+" "+post.Flag+" "+one.Treatment+" "+one.Label)
				if one.Number != 5 || one.Time == 0 {
					t.Errorf("%+v", one)
				}
				if one.Key == "bob" {
					var properties map[string]interface{}
					read(t, []byte(one.Properties), &properties)
					if properties["page"] != "cart" || properties["n"] != 2.0 {
						t.Errorf("properties %q", one.Properties)
					}
				}
			}
		}
	})
	if strings.Join(keys, ", ") != "ann f off listed, bob f on everybody" {
		t.Errorf("posted %v", keys)
	}
}

func TestOptimizedCounts(t *testing.T) {
	b := backend.Start(t, backend.Flags(flag("f", nil)), nil)
	factory := started(t, sdkKey, at(b))
	for i := 0; i < 5; i++ {
		factory.Client().Treatment("bob", "f", nil)
	}
	factory.Destroy()
	total := 0
	bodies(t, b.Requests("testImpressions/count", 1), func(body []byte) {
		var counts struct {
			Of []struct {
				Flag  string `json:"f"`
				Count int    `json:"rc"`
			} `json:"pf"`
		}
		read(t, body, &counts)
		for _, one := range counts.Of {
			total += one.Count
		}
	})
	// The first is an impression, which is not counted.
	if total != 4 {
		t.Errorf("%d counted", total)
	}
	posted := 0
	bodies(t, b.Requests("testImpressions/bulk", 1), func(body []byte) { posted += strings.Count(string(body), `"k":"bob"`) })
	if posted != 1 {
		t.Errorf("%d posted", posted)
	}
}

func TestNoneModePostsUniqueKeys(t *testing.T) {
	b := backend.Start(t, backend.Flags(flag("f", nil)), nil)
	cfg := at(b)
	cfg.ImpressionsMode = "none"
	factory := started(t, sdkKey, cfg)
	factory.Client().Treatments("bob", []string{"f"}, nil)
	factory.Client().Treatments("ann", []string{"f"}, nil)
	factory.Destroy()
	bodies(t, b.Requests("keys/ss", 1), func(body []byte) {
		if !strings.Contains(string(body), "ann") || !strings.Contains(string(body), "bob") {
			t.Errorf("keys %s", body)
		}
	})
}

func TestEventsArePosted(t *testing.T) {
	b := backend.Start(t, backend.Flags(flag("f", nil)), nil)
	factory := started(t, sdkKey, at(b))
	split := factory.Client()
	properties := map[string]interface{}{"plan": "pro", "age": 31, "paid": true, "none": nil, "list": []int{1}}
	for _, value := range []interface{}{nil, 9.5, 7, int64(8)} {
		if err := split.Track("bob", "user", "paid", value, properties); err != nil {
			t.Fatal(err)
		}
	}
	factory.Destroy()
	var values []interface{}
	bodies(t, b.Requests("events/bulk", 1), func(body []byte) {
		var events []map[string]interface{}
		read(t, body, &events)
		for _, event := range events {
			values = append(values, event["value"])
			got, _ := event["properties"].(map[string]interface{})
			if event["key"] != "bob" || event["trafficTypeName"] != "user" || event["eventTypeId"] != "paid" ||
				got["plan"] != "pro" || got["age"] != 31.0 || got["paid"] != true || got["list"] != nil {
				t.Errorf("%v", event)
			}
		}
	})
	if len(values) != 4 || values[0] != nil || values[1] != 9.5 || values[2] != 7.0 || values[3] != 8.0 {
		t.Errorf("values %v", values)
	}
}

// polling is at, with the shortest periods there are.
func polling(b *backend.Backend) *conf.SplitSdkConfig {
	cfg := at(b)
	cfg.TaskPeriods.SplitSync, cfg.TaskPeriods.SegmentSync = 1, 1
	return cfg
}

func TestPolledChangesArrive(t *testing.T) {
	t.Parallel()
	b := backend.Start(t, backend.Flags(flag("f", nil)), nil)
	factory := started(t, sdkKey, polling(b))
	split := factory.Client()
	if got := split.Treatment("ann", "f", nil); got != "off" {
		t.Fatalf("before: %s", got)
	}
	b.Control("flags", map[string]interface{}{"flag": flag("f", map[string]interface{}{"conditions": nil, "defaultTreatment": "changed"})})
	eventually(t, "the change", func() bool { return split.Treatment("ann", "f", nil) == "changed" })
	if view := factory.Manager().Split("f"); view == nil || view.ChangeNumber <= 5 {
		t.Errorf("the manager says %+v", view)
	}
	b.Control("flags/archive", map[string]interface{}{"name": "f"})
	eventually(t, "the archive", func() bool { return split.Treatment("ann", "f", nil) == "control" })
	if names := factory.Manager().SplitNames(); len(names) != 0 {
		t.Errorf("archived, and there are %v", names)
	}
	if streams := b.Streams(); len(streams) != 0 {
		t.Errorf("it was not by polling: %s", streams)
	}
}

func TestSegmentsAreUpdated(t *testing.T) {
	t.Parallel()
	inStaff := map[string]interface{}{
		"conditionType": "ROLLOUT", "label": "staff",
		"matcherGroup": map[string]interface{}{"combiner": "AND", "matchers": []interface{}{map[string]interface{}{
			"keySelector": nil, "matcherType": "IN_SEGMENT", "negate": false,
			"userDefinedSegmentMatcherData": map[string]string{"segmentName": "staff"},
		}}},
		"partitions": []interface{}{map[string]interface{}{"treatment": "on", "size": 100}},
	}
	b := backend.Start(t, backend.Flags(flag("tools", map[string]interface{}{"conditions": []interface{}{inStaff}})),
		map[string][]string{"staff": {"ann"}})
	split := started(t, sdkKey, polling(b)).Client()
	both := func() [2]string {
		return [2]string{split.Treatment("ann", "tools", nil), split.Treatment("bob", "tools", nil)}
	}
	if got := both(); got != [2]string{"on", "off"} {
		t.Fatalf("before: %v", got)
	}
	b.Control("segments/update", map[string]interface{}{"name": "staff", "added": []string{"bob"}, "removed": []string{"ann"}})
	eventually(t, "the update", func() bool { return both() == [2]string{"off", "on"} })
}

func TestStreamedChangesArrive(t *testing.T) {
	b := backend.Start(t, backend.Flags(flag("f", nil)), nil, "--streaming")
	cfg := at(b)
	cfg.Advanced.StreamingEnabled = true
	split := started(t, sdkKey, cfg).Client()
	eventually(t, "a stream", func() bool { return len(b.Streams()) > 0 })
	if got := split.Treatment("bob", "f", nil); got != "on" {
		t.Fatalf("before: %s", got)
	}
	b.Control("flags/kill", map[string]interface{}{"name": "f", "treatment": "dead"})
	eventually(t, "the kill", func() bool { return split.Treatment("bob", "f", nil) == "dead" })
}

func TestARefusedKeyIsSaid(t *testing.T) {
	t.Parallel()
	b := backend.Start(t, backend.Flags(flag("f", nil)), nil, "--key", "another")
	factory := unready(t, sdkKey, at(b))
	err := factory.BlockUntilReady(1)
	if err == nil || !strings.Contains(err.Error(), "SDK Initialization failed") {
		t.Errorf("said %v", err)
	}
	if got := factory.Client().Treatment("bob", "f", nil); got != "control" {
		t.Errorf("answered %s", got)
	}
}
