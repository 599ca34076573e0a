// Package dtos has the values that the SDK hands to its users.
package dtos

// Impression says which treatment was given to whom, and why.
type Impression struct {
	KeyName string `json:"k"`
	// BucketingKey is empty when none was given.
	BucketingKey string `json:"b"`
	FeatureName  string `json:"f"`
	Treatment    string `json:"t"`
	// Label is that of the rule that decided; empty with LabelsEnabled off.
	Label string `json:"r"`
	// ChangeNumber is -1 when there was no definition.
	ChangeNumber int64 `json:"c"`
	// Time is in milliseconds since 1970.
	Time int64 `json:"m"`
	// Pt is when the same answer was last given, in milliseconds since 1970; 0 when it was not, or is not known.
	Pt int64 `json:"pt,omitempty"`
	// Properties is a JSON object; empty when none were given.
	Properties string `json:"properties,omitempty"`
}

// Prerequisite is a flag that must have one of some treatments before another flag is evaluated.
type Prerequisite struct {
	FeatureFlagName string   `json:"n"`
	Treatments      []string `json:"ts"`
}
