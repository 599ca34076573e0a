package client_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/libsplitio/libsplitio/bindings/go/client"
)

func TestExplain(t *testing.T) {
	factory := started(t, sdkKey, at(threeFlags(t)))
	split := factory.Client()
	blue := text(`{"color":"blue"}`)
	answer := func(flag, key, status, treatment, label string, config *string, change int64) client.Explanation {
		return client.Explanation{Flag: flag, Key: key, Status: status, Treatment: treatment, Label: label, Config: config, ChangeNumber: change}
	}
	for what, c := range map[string]struct {
		key    interface{}
		flag   string
		wanted client.Explanation
		code   int
		err    string
	}{
		"evaluated":       {"bob", "f", answer("f", "bob", "evaluated", "on", "everybody", blue, 5), 0, ""},
		"unknown":         {"bob", "nope", answer("nope", "bob", "unknown_flag", "control", "definition not found", nil, -1), -15, "unknown feature flag"},
		"no key":          {nil, "f", answer("f", "", "invalid", "control", "", nil, -1), -1, "invalid argument"},
		"a NUL":           {"b\x00b", "f", answer("f", "", "invalid", "control", "", nil, -1), -1, "invalid argument"},
		"a NUL in a flag": {"bob", "f\x00", answer("", "bob", "invalid", "control", "", nil, -1), -1, "invalid argument"},
		"no flag":         {"bob", "", answer("", "bob", "invalid", "control", "", nil, -1), -1, "invalid argument"},
	} {
		got, err := split.Explain(c.key, c.flag, map[string]interface{}{"age": 30})
		var failure *client.Error
		if failed := errors.As(err, &failure); failed != (c.err != "") || failed && (failure.Status != c.code || failure.Message != c.err) {
			t.Errorf("%s: %v", what, err)
		}
		evaluation := string(got.Evaluation)
		if got.Evaluation = nil; !reflect.DeepEqual(got, c.wanted) {
			t.Errorf("%s: %+v, not %+v", what, got, c.wanted)
		}
		if evaluated := c.err == ""; evaluated != (evaluation != "null") {
			t.Errorf("%s: %s", what, evaluation)
		}
	}
	pair, err := split.Explain(client.NewKey("ann", "x"), "f", nil)
	if err != nil || pair.Treatment != "off" || pair.BucketingKey == nil || *pair.BucketingKey != "x" {
		t.Errorf("%+v, %v", pair, err)
	}
	var evaluation struct {
		Flag  string
		Steps []struct{ Step string }
	}
	if err := json.Unmarshal(pair.Evaluation, &evaluation); err != nil || evaluation.Flag != "f" || len(evaluation.Steps) == 0 {
		t.Errorf("%s: %v", pair.Evaluation, err)
	}
	factory.Destroy()
	var failure *client.Error
	if gone, err := split.Explain("bob", "f", nil); gone.Status != "destroyed" || gone.Treatment != "control" || !errors.As(err, &failure) {
		t.Errorf("%+v, %v", gone, err)
	}
}
