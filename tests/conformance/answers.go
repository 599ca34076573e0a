// Answers the questions of conform.py, in Go. Labels and change numbers are what a listener hears.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"math/big"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/libsplitio/libsplitio/bindings/go/client"
	"github.com/libsplitio/libsplitio/bindings/go/conf"
	"github.com/libsplitio/libsplitio/bindings/go/dtos"
	"github.com/libsplitio/libsplitio/bindings/go/impressionListener"
	"github.com/libsplitio/libsplitio/bindings/go/logging"
)

type ear struct{ heard []dtos.Impression }

func (e *ear) LogImpression(data impressionlistener.ILObject) {
	e.heard = append(e.heard, data.Impression)
}

type answer struct {
	number, flag, key, treatment string
	config                       *string
}

// session is one factory, and the answers that still lack what its listener hears.
type session struct {
	factory *client.SplitFactory
	split   *client.SplitClient
	ear     *ear
	answers []answer
}

func encoded(text string) string {
	if text == "-" {
		return "%2D"
	}
	return url.PathEscape(text)
}

func decoded(field string) *string {
	if field == "-" {
		return nil
	}
	text, err := url.PathUnescape(field)
	if err != nil {
		log.Fatal(err)
	}
	return &text
}

// asInGo turns numbers of JSON into those of a program: whole ones stay whole.
func asInGo(value interface{}) interface{} {
	switch value := value.(type) {
	case json.Number:
		if strings.ContainsAny(string(value), ".eE") {
			float, err := value.Float64()
			if err != nil {
				log.Fatal(err)
			}
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

func parsed(text *string) map[string]interface{} {
	if text == nil {
		return nil
	}
	decoder := json.NewDecoder(strings.NewReader(*text))
	decoder.UseNumber()
	var value map[string]interface{}
	if err := decoder.Decode(&value); err != nil {
		log.Fatal(err)
	}
	return asInGo(value).(map[string]interface{})
}

func begin(address string, fallback *string) *session {
	ear := &ear{}
	cfg := conf.Default()
	cfg.Advanced.SdkURL = address + "/api"
	cfg.Advanced.EventsURL = address + "/api"
	cfg.Advanced.AuthServiceURL = address
	cfg.Advanced.TelemetryServiceURL = address + "/api/v1"
	cfg.Advanced.StreamingEnabled = false
	cfg.Advanced.ImpressionListener = ear
	cfg.LoggerConfig.LogLevel = logging.LevelNone
	if fallback != nil {
		cfg.Options = map[string]interface{}{"fallbackTreatments": json.RawMessage(*fallback)}
	}
	factory, err := client.NewSplitFactory("a-key-of-go", cfg)
	if err != nil {
		log.Fatal(err)
	}
	if err := factory.BlockUntilReady(20); err != nil {
		log.Fatal(err)
	}
	return &session{factory: factory, split: factory.Client(), ear: ear}
}

func (s *session) ask(fields []string) {
	flag, matching := *decoded(fields[1]), *decoded(fields[2])
	var key interface{} = matching
	if bucketing := decoded(fields[3]); bucketing != nil {
		key = client.NewKey(matching, *bucketing)
	}
	result := s.split.TreatmentWithConfig(key, flag, parsed(decoded(fields[4])))
	s.answers = append(s.answers, answer{fields[0], flag, matching, result.Treatment, result.Config})
}

func (s *session) end() {
	s.factory.Destroy()
	// In the order of the calls; some calls leave no impression.
	heard := s.ear.heard
	for _, a := range s.answers {
		config, label, change := "-", "-", "-"
		if a.config != nil {
			config = encoded(*a.config)
		}
		if len(heard) > 0 && heard[0].FeatureName == a.flag && heard[0].KeyName == a.key {
			label, change = encoded(heard[0].Label), strconv.FormatInt(heard[0].ChangeNumber, 10)
			heard = heard[1:]
		}
		fmt.Println(strings.Join([]string{a.number, encoded(a.treatment), config, label, change}, "\t"))
	}
	if len(heard) > 0 {
		log.Fatalf("an impression of nothing that was asked: %+v", heard[0])
	}
}

func main() {
	file, err := os.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	var current *session
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		if fields[0] == "factory" {
			if current != nil {
				current.end()
			}
			current = begin(fields[1], decoded(fields[2]))
		} else {
			current.ask(fields[1:])
		}
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
	current.end()
}
