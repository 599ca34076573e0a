package client_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libsplitio/libsplitio/bindings/go/client"
	"github.com/libsplitio/libsplitio/bindings/go/conf"
	impressionlistener "github.com/libsplitio/libsplitio/bindings/go/impressionListener"
	"github.com/libsplitio/libsplitio/bindings/go/internal/backend"
)

// lines is a logger that keeps what it is told.
type lines struct {
	mutex sync.Mutex
	all   []string
}

func (l *lines) add(level string, msg []interface{}) {
	watch{}.look(msg)
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.all = append(l.all, level+" "+fmt.Sprint(msg...))
}

func (l *lines) Error(msg ...interface{})   { l.add("ERROR", msg) }
func (l *lines) Warning(msg ...interface{}) { l.add("WARNING", msg) }
func (l *lines) Info(msg ...interface{})    { l.add("INFO", msg) }
func (l *lines) Debug(msg ...interface{})   { l.add("DEBUG", msg) }
func (l *lines) Verbose(msg ...interface{}) { l.add("VERBOSE", msg) }

// with are the lines of a level that contain a text.
func (l *lines) with(level, text string) []string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	var found []string
	for _, line := range l.all {
		if strings.HasPrefix(line, level+" ") && strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}

// sdkKey is one of the secrets of the tests.
const sdkKey = "a-key-of-go"

// secrets are what no line of a log may have.
var secrets = func() []string {
	list, err := os.ReadFile("../../../tests/secrets.txt")
	if err != nil {
		panic(err)
	}
	return strings.Fields(string(list))
}()

// watch is a logger that keeps nothing, and ends the tests when a line has a secret of theirs.
type watch struct{}

func (watch) look(msg []interface{}) {
	line := fmt.Sprint(msg...)
	for _, secret := range secrets {
		if strings.Contains(line, secret) {
			panic(secret + " is in the log: " + line)
		}
	}
}

func (w watch) Error(msg ...interface{})   { w.look(msg) }
func (w watch) Warning(msg ...interface{}) { w.look(msg) }
func (w watch) Info(msg ...interface{})    { w.look(msg) }
func (w watch) Debug(msg ...interface{})   { w.look(msg) }
func (w watch) Verbose(msg ...interface{}) { w.look(msg) }

func TestSecretsAreWatchedFor(t *testing.T) {
	caught := func(line string) (is bool) {
		defer func() { is = recover() != nil }()
		watch{}.Debug(line)
		return
	}
	for line, wanted := range map[string]bool{"ready": false, "the key is " + sdkKey: true} {
		if caught(line) != wanted {
			t.Errorf("%q: caught is %v", line, !wanted)
		}
	}
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for until := time.Now().Add(10 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("never: %s", what)
		}
	}
}

// ear is a listener that keeps what it hears.
type ear struct {
	mutex sync.Mutex
	heard []impressionlistener.ILObject
}

func (e *ear) LogImpression(data impressionlistener.ILObject) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.heard = append(e.heard, data)
}

func (e *ear) all() []impressionlistener.ILObject {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	return append([]impressionlistener.ILObject(nil), e.heard...)
}

// at is a configuration for an emulator, without streaming, whose log is watched and not shown.
func at(b *backend.Backend) *conf.SplitSdkConfig {
	cfg := conf.Default()
	cfg.Advanced.SdkURL = b.URL + "/api"
	cfg.Advanced.EventsURL = b.URL + "/api"
	cfg.Advanced.AuthServiceURL = b.URL
	cfg.Advanced.StreamingServiceURL = b.URL + "/sse"
	cfg.Advanced.TelemetryServiceURL = b.URL + "/api/v1"
	cfg.Advanced.StreamingEnabled = false
	cfg.Logger = watch{}
	return cfg
}

// started is a factory, ready or given up, that ends with the test.
func started(t testing.TB, key string, cfg *conf.SplitSdkConfig) *client.SplitFactory {
	t.Helper()
	factory, err := client.NewSplitFactory(key, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(factory.Destroy)
	if err := factory.BlockUntilReady(20); err != nil {
		t.Fatal(err)
	}
	return factory
}

func flushed(t *testing.T, factory *client.SplitFactory) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := factory.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

// A flag that is on for all, off for "ann" by a list, with a configuration of "on".
func flag(name string, more map[string]interface{}) map[string]interface{} {
	condition := func(kind, label, matcher, treatment string, data map[string]interface{}) map[string]interface{} {
		matcherOf := map[string]interface{}{"keySelector": nil, "matcherType": matcher, "negate": false}
		for name, value := range data {
			matcherOf[name] = value
		}
		return map[string]interface{}{
			"conditionType": kind, "label": label,
			"matcherGroup": map[string]interface{}{"combiner": "AND", "matchers": []interface{}{matcherOf}},
			"partitions":   []interface{}{map[string]interface{}{"treatment": treatment, "size": 100}},
		}
	}
	made := map[string]interface{}{
		"name": name, "status": "ACTIVE", "killed": false, "defaultTreatment": "off", "trafficTypeName": "user",
		"changeNumber": 5, "algo": 2, "seed": 1, "trafficAllocation": 100, "trafficAllocationSeed": 1,
		"configurations": map[string]interface{}{"on": `{"color":"blue"}`}, "sets": []string{"web"},
		"conditions": []interface{}{
			condition("WHITELIST", "listed", "WHITELIST", "off",
				map[string]interface{}{"whitelistMatcherData": map[string]interface{}{"whitelist": []string{"ann"}}}),
			condition("ROLLOUT", "everybody", "ALL_KEYS", "on", nil),
		},
	}
	for name, value := range more {
		made[name] = value
	}
	return made
}

// unready is a factory that ends with the test.
func unready(t testing.TB, key string, cfg *conf.SplitSdkConfig) *client.SplitFactory {
	t.Helper()
	factory, err := client.NewSplitFactory(key, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(factory.Destroy)
	return factory
}

func clientOptions(properties map[string]interface{}) client.EvaluationOptions {
	return client.EvaluationOptions{Properties: properties}
}
