package client_test

import (
	"strings"
	"testing"

	"github.com/libsplitio/libsplitio/bindings/go/internal/backend"
)

// Configurations of all lengths, around that up to which they are copied in C.
func TestConfigurations(t *testing.T) {
	var flags []interface{}
	texts := []string{"", "x", strings.Repeat("ä", 64), strings.Repeat("x", 127), strings.Repeat("x", 129), strings.Repeat("x", 100000), "a\x00b"}
	for i, text := range texts {
		flags = append(flags, flag(string(rune('a'+i)), map[string]interface{}{"configurations": map[string]string{"on": text}}))
	}
	split := started(t, sdkKey, at(backend.Start(t, backend.Flags(flags...), nil))).Client()
	for i, text := range texts {
		name := string(rune('a' + i))
		for _, attributes := range []map[string]interface{}{nil, {"a": 1}} {
			if got := split.TreatmentWithConfig("bob", name, attributes); got.Treatment != "on" || got.Config == nil || *got.Config != text {
				t.Errorf("%s: %.50q, not %.50q", name, show(got.Config), text)
			}
		}
		if got := split.TreatmentsWithConfig("bob", []string{name}, nil)[name]; got.Config == nil || *got.Config != text {
			t.Errorf("%s of many: %.50q, not %.50q", name, show(got.Config), text)
		}
	}
}
