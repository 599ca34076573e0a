package client_test

import (
	"context"
	"math"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libsplitio/libsplitio/bindings/go/client"
	"github.com/libsplitio/libsplitio/bindings/go/conf"
	impressionlistener "github.com/libsplitio/libsplitio/bindings/go/impressionListener"
	"github.com/libsplitio/libsplitio/bindings/go/internal/backend"
)

// Two flags in the set "web", one in none.
func threeFlags(t testing.TB) *backend.Backend {
	return backend.Start(t, backend.Flags(flag("f", nil), flag("g", map[string]interface{}{"configurations": nil}),
		flag("h", map[string]interface{}{"sets": []string{}})), nil)
}

func text(value string) *string { return &value }

func TestEvaluationsOfMany(t *testing.T) {
	split := started(t, sdkKey, at(threeFlags(t))).Client()
	blue := text(`{"color":"blue"}`)
	f, g := client.TreatmentResult{Treatment: "on", Config: blue}, client.TreatmentResult{Treatment: "on"}
	none := client.TreatmentResult{Treatment: "control"}
	for what, c := range map[string]struct{ got, wanted interface{} }{
		"Treatments":                     {split.Treatments("bob", []string{"f", "nope", "f"}, nil), map[string]string{"f": "on", "nope": "control"}},
		"Treatments, spaces":             {split.Treatments("bob", []string{" f ", ""}, nil), map[string]string{"f": "on"}},
		"Treatments, NUL":                {split.Treatments("bob", []string{"f\x00", "g"}, nil), map[string]string{"g": "on"}},
		"Treatments, key with NUL":       {split.Treatments("b\x00b", []string{"f"}, nil), map[string]string{"f": "control"}},
		"Treatments, nil":                {split.Treatments("bob", nil, nil), map[string]string{}},
		"Treatments, nil key":            {split.Treatments(nil, []string{"f"}, nil), map[string]string{"f": "control"}},
		"TreatmentsWithConfig":           {split.TreatmentsWithConfig("bob", []string{"f", "g", "nope"}, nil), map[string]client.TreatmentResult{"f": f, "g": g, "nope": none}},
		"TreatmentsByFlagSet":            {split.TreatmentsByFlagSet("bob", "web", nil), map[string]string{"f": "on", "g": "on"}},
		"TreatmentsByFlagSet, unknown":   {split.TreatmentsByFlagSet("bob", "nope", nil), map[string]string{}},
		"TreatmentsByFlagSet, empty":     {split.TreatmentsByFlagSet("bob", "", nil), map[string]string{}},
		"TreatmentsByFlagSets":           {split.TreatmentsByFlagSets("ann", []string{"web", "nope"}, nil), map[string]string{"f": "off", "g": "off"}},
		"TreatmentsByFlagSets, nil":      {split.TreatmentsByFlagSets("ann", nil, nil), map[string]string{}},
		"TreatmentsWithConfigByFlagSet":  {split.TreatmentsWithConfigByFlagSet("bob", "web", nil), map[string]client.TreatmentResult{"f": f, "g": g}},
		"TreatmentsWithConfigByFlagSets": {split.TreatmentsWithConfigByFlagSets("bob", []string{"web"}, nil), map[string]client.TreatmentResult{"f": f, "g": g}},
	} {
		if !reflect.DeepEqual(c.got, c.wanted) {
			t.Errorf("%s: %v, not %v", what, c.got, c.wanted)
		}
	}
	many := make([]string, 500)
	for i := range many {
		many[i] = "f" + strings.Repeat("x", i)
	}
	if got := split.Treatments("bob", many, nil); len(got) != 500 || got["f"] != "on" || got["fx"] != "control" {
		t.Errorf("500 flags gave %d answers", len(got))
	}
}

func TestKeys(t *testing.T) {
	log := &lines{}
	heard := &ear{}
	cfg := at(threeFlags(t))
	cfg.Logger, cfg.Advanced.ImpressionListener = log, heard
	factory := started(t, sdkKey, cfg)
	split := factory.Client()
	var noKey *client.Key
	for _, c := range []struct {
		key                         interface{}
		wanted, matching, bucketing string
	}{
		{"bob", "on", "bob", ""},
		{client.NewKey("bob", "b"), "on", "bob", "b"},
		{client.Key{MatchingKey: "ann", BucketingKey: "b"}, "off", "ann", "b"},
		{42, "on", "42", ""},
		{int32(-42), "on", "-42", ""},
		{int64(math.MaxInt64), "on", "9223372036854775807", ""},
		{1.5, "on", "1.5", ""},
		{"", "control", "", ""},
		{"b\x00b", "control", "", ""},
		{"\xff", "control", "", ""},
		{strings.Repeat("k", 251), "control", "", ""},
		{client.NewKey("bob", ""), "control", "", ""},
		{client.NewKey("", "b"), "control", "", ""},
		{nil, "control", "", ""},
		{noKey, "control", "", ""},
		{true, "control", "", ""},
		{[]string{"bob"}, "control", "", ""},
		{math.NaN(), "control", "", ""},
	} {
		if got := split.Treatment(c.key, "f", nil); got != c.wanted {
			t.Errorf("Treatment of %#v: %s, not %s", c.key, got, c.wanted)
		}
		if got := split.TreatmentWithConfig(c.key, "f", nil); got.Treatment != c.wanted {
			t.Errorf("TreatmentWithConfig of %#v: %s, not %s", c.key, got.Treatment, c.wanted)
		}
		if got := split.Treatments(c.key, []string{"f"}, nil)["f"]; got != c.wanted {
			t.Errorf("Treatments of %#v: %s, not %s", c.key, got, c.wanted)
		}
		flushed(t, factory)
		all := heard.all()
		if c.matching == "" {
			continue
		}
		if last := all[len(all)-1].Impression; last.KeyName != c.matching || last.BucketingKey != c.bucketing {
			t.Errorf("impression of %#v: %+v", c.key, last)
		}
	}
	if len(heard.all()) != 3*7 {
		t.Errorf("%d impressions, not three for each of the seven good keys", len(heard.all()))
	}
	if len(log.with("WARNING", "the key is a number")) != 3*4 {
		t.Errorf("warnings: %v", log.with("WARNING", ""))
	}
	// The library says what was wrong.
	eventually(t, "three errors for each bad key", func() bool { return len(log.with("ERROR", "input: get_treatment")) == 3*11 })
}

func TestFlagNames(t *testing.T) {
	split := started(t, sdkKey, at(threeFlags(t))).Client()
	for name, wanted := range map[string]string{
		"f": "on", " f\t": "on", "": "control", "nope": "control", "f\x00": "control", "\xff": "control", "F": "control",
	} {
		if got := split.Treatment("bob", name, nil); got != wanted {
			t.Errorf("%q: %s, not %s", name, got, wanted)
		}
	}
	// An empty string whose address is another text's.
	whole := "f"
	if got := split.Treatment(client.NewKey("bob", whole[1:]), whole, nil); got != "control" {
		t.Errorf("empty bucketing key: %s", got)
	}
}

func TestAttributesReachTheListener(t *testing.T) {
	heard := &ear{}
	cfg := at(threeFlags(t))
	cfg.Advanced.ImpressionListener = heard
	factory := started(t, sdkKey, cfg)
	when := time.Date(2024, 2, 29, 12, 0, 0, 999, time.UTC)
	factory.Client().Treatment("bob", "f", map[string]interface{}{
		"text": "a\"\\\n\u2603\xffz", "int": 42, "float": 30.0, "bool": true, "nil": nil, "nan": math.NaN(),
		"list": []string{"a", "b"}, "set": map[string]struct{}{"x": {}}, "time": when, "huge": uint64(math.MaxUint64),
		"strange": func() {},
	})
	flushed(t, factory)
	got := heard.all()[0]
	strange, _ := got.Attributes["strange"].(string)
	if !strings.HasPrefix(strange, "0x") {
		t.Errorf("a function is %q", strange)
	}
	delete(got.Attributes, "strange")
	wanted := map[string]interface{}{
		"text": "a\"\\\n\u2603\ufffdz", "int": 42, "float": 30.0, "bool": true, "nil": nil, "nan": nil,
		"list": []interface{}{"a", "b"}, "set": []interface{}{"x"}, "time": int(when.Unix()), "huge": float64(math.MaxUint64),
	}
	if !reflect.DeepEqual(got.Attributes, wanted) {
		t.Errorf("attributes\n %#v\nnot\n %#v", got.Attributes, wanted)
	}
	if got.SDKLanguageVersion != agent || got.InstanceID == "" || got.Impression.Label != "everybody" {
		t.Errorf("%+v", got)
	}
}

func TestTrackRefuses(t *testing.T) {
	split := started(t, sdkKey, at(threeFlags(t))).Client()
	for what, c := range map[string]struct {
		key, trafficType, eventType string
		value                       interface{}
	}{
		"empty key":    {"", "user", "paid", nil},
		"empty type":   {"bob", "", "paid", nil},
		"empty event":  {"bob", "user", "", nil},
		"bad event":    {"bob", "user", "not an event", nil},
		"text":         {"bob", "user", "paid", "9"},
		"NaN":          {"bob", "user", "paid", math.NaN()},
		"infinity":     {"bob", "user", "paid", math.Inf(1)},
		"NUL in a key": {"b\x00", "user", "paid", nil},
		"no UTF-8":     {"\xff", "user", "paid", nil},
		"true":         {"bob", "user", "paid", true},
	} {
		err := split.Track(c.key, c.trafficType, c.eventType, c.value, nil)
		if err == nil || err.Error() == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := split.Track("bob", "user", "paid", float32(1), nil); err != nil {
		t.Error(err)
	}
	huge := map[string]interface{}{"p": strings.Repeat("x", 40000)}
	if err := split.Track("bob", "user", "paid", nil, huge); err == nil {
		t.Error("40,000 bytes of properties were taken")
	}
}

func TestManagerOfNothing(t *testing.T) {
	manager := started(t, sdkKey, at(threeFlags(t))).Manager()
	for _, name := range []string{"", "nope", "f\x00", "\xff"} {
		if got := manager.Split(name); got != nil {
			t.Errorf("%q: %+v", name, got)
		}
	}
	if got := manager.SplitNames(); len(got) != 3 {
		t.Errorf("names %v", got)
	}
}

// Every method, on what is destroyed.
func TestB08AfterDestroy(t *testing.T) {
	factory := started(t, sdkKey, at(threeFlags(t)))
	split, manager := factory.Client(), factory.Manager()
	if factory.IsDestroyed() || !factory.IsReady() {
		t.Fatal("not as it should be before")
	}
	factory.Destroy()
	factory.Destroy()
	split.Destroy()
	if !factory.IsDestroyed() || factory.IsReady() {
		t.Error("not destroyed")
	}
	if got := split.Treatment("bob", "f", nil); got != "control" {
		t.Error(got)
	}
	if got := split.TreatmentWithConfig("bob", "f", nil); got.Treatment != "control" || got.Config != nil {
		t.Error(got)
	}
	if got := split.Treatments("bob", []string{"f"}, nil); got["f"] != "control" {
		t.Error(got)
	}
	if got := split.TreatmentsByFlagSet("bob", "web", nil); got["f"] != "control" {
		t.Error(got)
	}
	if err := split.Track("bob", "user", "paid", nil, nil); err == nil {
		t.Error("tracked")
	}
	if len(manager.SplitNames()) != 0 || len(manager.Splits()) != 0 || manager.Split("f") != nil {
		t.Error("the manager knows flags")
	}
	if err := factory.BlockUntilReady(1); err == nil {
		t.Error("ready")
	}
	if err := factory.Flush(context.Background()); err == nil {
		t.Error("flushed")
	}
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	b := threeFlags(t)
	b.Control("faults", map[string]interface{}{"endpoint": "splitChanges", "hang": true})
	factory := unready(t, sdkKey, at(b))
	if err := factory.BlockUntilReady(0); err == nil {
		t.Error("0 seconds were taken")
	}
	if err := factory.BlockUntilReady(1); err == nil || !strings.Contains(err.Error(), "time of 1 exceeded") {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 150*time.Millisecond)
	defer cancel()
	if err := factory.BlockUntilReadyContext(ctx); err != context.DeadlineExceeded {
		t.Error(err)
	}
	waited := make(chan error)
	go func() { waited <- factory.BlockUntilReady(math.MaxInt) }()
	factory.Destroy()
	if err := <-waited; err == nil {
		t.Error("a destroyed factory is ready")
	}
}

// troublesome destroys its factory in the middle of an impression, and panics on another.
type troublesome struct {
	factory chan *client.SplitFactory
	heard   chan string
}

func (l *troublesome) LogImpression(data impressionlistener.ILObject) {
	switch data.Impression.KeyName {
	case "panic":
		panic("on purpose")
	case "destroy":
		factory := <-l.factory
		l.heard <- factory.Client().Treatment("in a listener", "nope", nil)
		factory.Destroy()
	}
	l.heard <- data.Impression.KeyName
}

func TestListenersMayDoAnything(t *testing.T) {
	log := &lines{}
	listener := &troublesome{factory: make(chan *client.SplitFactory, 1), heard: make(chan string, 10)}
	cfg := at(threeFlags(t))
	cfg.Logger, cfg.Advanced.ImpressionListener = log, listener
	factory := started(t, sdkKey, cfg)
	listener.factory <- factory
	for _, key := range []string{"panic", "bob", "destroy"} {
		factory.Client().Treatment(key, "f", nil)
	}
	for _, wanted := range []string{"bob", "control", "destroy"} {
		select {
		case got := <-listener.heard:
			if got != wanted {
				t.Errorf("heard %q, not %q", got, wanted)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("never heard %q", wanted)
		}
	}
	if len(log.with("ERROR", "the impression listener panicked: on purpose")) != 1 {
		t.Error("the panic was not logged")
	}
	eventually(t, "destroyed", func() bool { return factory.Client().Treatment("bob", "f", nil) == "control" })
}

// flushing is a listener that flushes, with all the time there is.
type flushing struct {
	factory chan *client.SplitFactory
	said    chan error
}

func (f *flushing) LogImpression(impressionlistener.ILObject) {
	factory := <-f.factory
	f.said <- factory.Flush(context.Background())
}

func TestAListenerCannotWaitForItself(t *testing.T) {
	listener := &flushing{factory: make(chan *client.SplitFactory, 1), said: make(chan error, 1)}
	cfg := at(threeFlags(t))
	cfg.Advanced.ImpressionListener = listener
	factory := started(t, sdkKey, cfg)
	listener.factory <- factory
	factory.Client().Treatment("bob", "f", nil)
	select {
	case err := <-listener.said:
		if err == nil || !strings.HasPrefix(err.Error(), "flush: ") {
			t.Errorf("said %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it waits")
	}
	if err := factory.Flush(context.Background()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestManyGoroutines(t *testing.T) {
	heard := &ear{}
	cfg := at(threeFlags(t))
	cfg.Advanced.ImpressionListener = heard
	factory := started(t, sdkKey, cfg)
	const goroutines, calls = 50, 20
	var all sync.WaitGroup
	for i := 0; i < goroutines; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			split, manager := factory.Client(), factory.Manager()
			for j := 0; j < calls; j++ {
				if got := split.Treatment("ann", "f", map[string]interface{}{"j": j}); got != "off" {
					t.Errorf("Treatment: %s", got)
				}
				if got := split.TreatmentWithConfig("bob", "f", nil); got.Treatment != "on" || *got.Config != `{"color":"blue"}` {
					t.Errorf("TreatmentWithConfig: %v", got)
				}
				if got := split.Treatments("bob", []string{"f", "g", "h"}, nil); len(got) != 3 {
					t.Errorf("Treatments: %v", got)
				}
				if err := split.Track("bob", "user", "paid", j, nil); err != nil {
					t.Error(err)
				}
				if got := manager.Split("f"); got == nil || got.Name != "f" {
					t.Errorf("Split: %v", got)
				}
			}
		}()
	}
	all.Wait()
	flushed(t, factory)
	if got := len(heard.all()); got != goroutines*calls*5 {
		t.Errorf("%d impressions, not %d", got, goroutines*calls*5)
	}
}

func TestDestroyWhileEvaluating(t *testing.T) {
	factory := started(t, sdkKey, at(threeFlags(t)))
	var all sync.WaitGroup
	for i := 0; i < 8; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for {
				switch got := factory.Client().Treatment("bob", "f", nil); got {
				case "on":
				case "control":
					return
				default:
					t.Errorf("answered %q", got)
					return
				}
			}
		}()
	}
	factory.Destroy()
	all.Wait()
}

// A factory that nobody holds sends what it has, and lets go of its listener.
func TestAForgottenFactorySendsWhatItHas(t *testing.T) {
	b := threeFlags(t)
	let := make(chan struct{})
	func() {
		cfg := at(b)
		listener := &ear{}
		runtime.SetFinalizer(listener, func(*ear) { close(let) })
		cfg.Advanced.ImpressionListener = listener
		factory, err := client.NewSplitFactory(sdkKey, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := factory.BlockUntilReady(20); err != nil {
			t.Fatal(err)
		}
		if err := factory.Client().Track("bob", "user", "paid", nil, nil); err != nil {
			t.Fatal(err)
		}
	}()
	eventually(t, "the listener is let go", func() bool {
		runtime.GC()
		select {
		case <-let:
			return true
		default:
			return false
		}
	})
	b.Requests("events/bulk", 1)
}

func TestLocalhost(t *testing.T) {
	cfg := conf.Default()
	cfg.SplitFile = "testdata/flags.yaml"
	heard := &ear{}
	cfg.Advanced.ImpressionListener = heard
	factory := started(t, conf.Localhost, cfg)
	split := factory.Client()
	if got := split.TreatmentWithConfig("ann", "checkout", nil); got.Treatment != "on" || *got.Config != `{"color":"blue"}` {
		t.Errorf("ann: %+v", got)
	}
	if got := split.Treatment("bob", "checkout", nil); got != "off" {
		t.Errorf("bob: %s", got)
	}
	flushed(t, factory)
	if got := heard.all(); len(got) != 2 {
		t.Errorf("heard %+v", got)
	}
	cfg.OperationMode = conf.Localhost
	if got := started(t, "", cfg).Client().Treatment("ann", "checkout", nil); got != "on" {
		t.Errorf("by OperationMode: %s", got)
	}
}
