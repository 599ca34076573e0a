// Package backend runs splitio-emulator for tests, and reads the fixtures that they share with those in other languages.
package backend

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Backend is a running emulator.
type Backend struct {
	// URL has no "/api".
	URL string
	t   testing.TB
}

// Start runs the emulator that SPLITIO_EMULATOR names, with a document of definitions ({"ff": ..., "rbs": ...}) and
// segments, until the test ends.
func Start(t testing.TB, document interface{}, segments map[string][]string, arguments ...string) *Backend {
	t.Helper()
	emulator := os.Getenv("SPLITIO_EMULATOR")
	if emulator == "" {
		t.Fatal("SPLITIO_EMULATOR names no emulator; scripts/gotests sets it")
	}
	directory := t.TempDir()
	file := filepath.Join(directory, "flags.json")
	write(t, file, document)
	segmentDirectory := filepath.Join(directory, "segments")
	if err := os.Mkdir(segmentDirectory, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, keys := range segments {
		write(t, filepath.Join(segmentDirectory, name+".json"), map[string]interface{}{"name": name, "added": keys, "till": 5})
	}
	command := exec.Command(emulator, append([]string{"--port", "0", "--file", file, "--segments", segmentDirectory}, arguments...)...)
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// It may have ended by itself, which a test that needed it has noticed.
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatalf("the emulator said nothing: %v", err)
	}
	return &Backend{URL: strings.TrimPrefix(strings.TrimSpace(line), "listening on "), t: t}
}

// Flags is a document of flags alone.
func Flags(flags ...interface{}) interface{} { return Document(flags, nil) }

// Document has flags and rule-based segments.
func Document(flags, ruleBasedSegments []interface{}) interface{} {
	part := func(items []interface{}) interface{} {
		if items == nil {
			items = []interface{}{}
		}
		return map[string]interface{}{"d": items, "s": -1, "t": 5}
	}
	return map[string]interface{}{"ff": part(flags), "rbs": part(ruleBasedSegments)}
}

func write(t testing.TB, file string, content interface{}) {
	t.Helper()
	text, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Control posts to the control API.
func (b *Backend) Control(path string, body interface{}) {
	b.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	answer, err := http.Post(b.URL+"/control/"+path, "application/json", bytes.NewReader(text))
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(answer.Body)
		b.t.Fatalf("%s: %s %s", path, answer.Status, said)
	}
}

// Request is one that the emulator got.
type Request struct {
	Path    string          `json:"path"`
	Query   string          `json:"query"`
	Headers [][2]string     `json:"headers"`
	Body    json.RawMessage `json:"body"`
	Status  *int            `json:"status"`
}

// Header is the value of a header, in any letter case; empty if it is missing.
func (r *Request) Header(name string) string {
	for _, pair := range r.Headers {
		if strings.EqualFold(pair[0], name) {
			return pair[1]
		}
	}
	return ""
}

// Requests waits until there were so many to an endpoint, for ten seconds at most, and returns all of them.
func (b *Backend) Requests(endpoint string, least int) []Request {
	b.t.Helper()
	url := fmt.Sprintf("%s/control/requests?endpoint=%s&min=%d&wait_ms=10000", b.URL, endpoint, least)
	client := http.Client{Timeout: 20 * time.Second}
	answer, err := client.Get(url)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	var requests []Request
	if err := json.Unmarshal(text, &requests); err != nil {
		b.t.Fatalf("%v: %s", err, text)
	}
	if len(requests) < least {
		b.t.Fatalf("%d requests to %s, not %d", len(requests), endpoint, least)
	}
	return requests
}

// Scenario is one of evaluation_scenarios.json.
type Scenario struct {
	Name              string              `json:"name"`
	Flags             []interface{}       `json:"flags"`
	RuleBasedSegments []interface{}       `json:"rule_based_segments"`
	Segments          map[string][]string `json:"segments"`
	Fallback          *struct {
		Global *FallbackTreatment           `json:"global"`
		ByFlag map[string]FallbackTreatment `json:"by_flag"`
	} `json:"fallback"`
	Cases []Case `json:"cases"`
}

// FallbackTreatment is given instead of control.
type FallbackTreatment struct {
	Treatment string  `json:"treatment"`
	Config    *string `json:"config,omitempty"`
}

// Case is an evaluation, and what must come of it.
type Case struct {
	Key          string                 `json:"key"`
	BucketingKey *string                `json:"bucketing_key"`
	Flag         string                 `json:"flag"`
	Attributes   map[string]interface{} `json:"attributes"`
	Expected     struct {
		Treatment    string  `json:"treatment"`
		Config       *string `json:"config"`
		Label        *string `json:"label"`
		ChangeNumber *int64  `json:"change_number"`
		Impression   bool    `json:"impression"`
	} `json:"expected"`
}

// Scenarios are all of the fixture, with numbers as text.
func Scenarios(t testing.TB) []Scenario {
	t.Helper()
	var scenarios []Scenario
	Fixture(t, "evaluation_scenarios.json", &scenarios)
	return scenarios
}

// Fixture reads a file of tests/fixtures.
func Fixture(t testing.TB, name string, into interface{}) {
	t.Helper()
	directory := os.Getenv("SPLITIO_FIXTURES")
	if directory == "" {
		t.Fatal("SPLITIO_FIXTURES names no directory; scripts/gotests sets it")
	}
	file, err := os.Open(filepath.Join(directory, name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoder := json.NewDecoder(file)
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		t.Fatal(err)
	}
}

// Streams are the live ones.
func (b *Backend) Streams() []json.RawMessage {
	b.t.Helper()
	answer, err := http.Get(b.URL + "/control/streams")
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	var streams []json.RawMessage
	if err := json.NewDecoder(answer.Body).Decode(&streams); err != nil {
		b.t.Fatal(err)
	}
	return streams
}
