package client

import (
	"encoding/json"
	"runtime"
)

// Explanation is how a flag is decided for a key, and why. docs/explain.md has what its members may be.
type Explanation struct {
	// Flag and Key are what was asked for; empty for what is no text.
	Flag string `json:"flag"`
	Key  string `json:"key"`
	// BucketingKey is nil for none.
	BucketingKey *string `json:"bucketing_key"`
	// Status is "evaluated", or why not.
	Status    string  `json:"status"`
	Treatment string  `json:"treatment"`
	Config    *string `json:"config"`
	// Label is empty for none.
	Label        string `json:"label"`
	ChangeNumber int64  `json:"change_number"`
	// Fallback: the treatment is one of fallbackTreatments, in place of "control".
	Fallback bool `json:"fallback"`
	// Truncated: steps were left out, because there were too many.
	Truncated bool `json:"truncated"`
	// Evaluation has each condition and matcher that was tried, what it saw and what it answered. It is JSON, as its depth
	// is that of the flag's rules, and later versions may know more steps; "null" where nothing was evaluated.
	Evaluation json.RawMessage `json:"evaluation"`
}

// Explain tells how TreatmentWithConfig would decide now, and why. It records no impression, and takes many times as long
// as an evaluation. Split's Go client has no such method.
//
// The error, an *Error, is why nothing was evaluated, such as a flag that does not exist; the Explanation then has what an
// evaluation would answer.
func (c *SplitClient) Explain(key interface{}, featureFlagName string, attributes map[string]interface{}) (Explanation, error) {
	memory := scratches.Get().(*scratch)
	question := c.question(key, attributes, "Explain", memory)
	var flag string
	question.key, flag = memory.names.lines(question.key, []string{featureFlagName})
	text, failure := c.factory.native.explain(&question, flag)
	memory.put()
	runtime.KeepAlive(c)
	var explanation Explanation
	if err := json.Unmarshal(text, &explanation); err != nil {
		return Explanation{}, err
	}
	if failure != nil {
		return explanation, failure
	}
	return explanation, nil
}
