package client

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"

	"github.com/libsplitio/libsplitio/bindings/go/dtos"
)

// SplitManager describes the flags that a factory knows. Its methods may be called at once.
type SplitManager struct{ factory *SplitFactory }

// SplitView is a flag as the manager describes it.
type SplitView struct {
	Name        string `json:"name"`
	TrafficType string `json:"trafficType"`
	Killed      bool   `json:"killed"`
	// Treatments are all that the flag can give, each once.
	Treatments   []string `json:"treatments"`
	ChangeNumber int64    `json:"changeNumber"`
	// Configs has the configurations, by treatment.
	Configs             map[string]string   `json:"configs"`
	DefaultTreatment    string              `json:"defaultTreatment"`
	Sets                []string            `json:"sets"`
	ImpressionsDisabled bool                `json:"impressionsDisabled"`
	Prerequisites       []dtos.Prerequisite `json:"prerequisites"`
}

// described is a SplitView by the names that the library uses.
type described struct {
	Name                string              `json:"name"`
	TrafficType         string              `json:"traffic_type"`
	Killed              bool                `json:"killed"`
	Treatments          []string            `json:"treatments"`
	ChangeNumber        int64               `json:"change_number"`
	Configs             map[string]string   `json:"configs"`
	DefaultTreatment    string              `json:"default_treatment"`
	Sets                []string            `json:"sets"`
	ImpressionsDisabled bool                `json:"impressions_disabled"`
	Prerequisites       []dtos.Prerequisite `json:"prerequisites"`
}

// SplitNames are the names of all flags.
func (m *SplitManager) SplitNames() []string {
	names := m.factory.native.names()
	runtime.KeepAlive(m)
	return names
}

// Splits describes all flags.
func (m *SplitManager) Splits() []SplitView {
	var flags []described
	m.read(nil, &flags)
	views := make([]SplitView, 0, len(flags))
	for _, flag := range flags {
		views = append(views, SplitView(flag))
	}
	return views
}

// Split describes a flag; nil if there is none of that name.
func (m *SplitManager) Split(featureFlagName string) *SplitView {
	if strings.IndexByte(featureFlagName, 0) >= 0 {
		featureFlagName = unusable
	}
	var flag *described
	m.read(&featureFlagName, &flag)
	return (*SplitView)(flag)
}

func (m *SplitManager) read(name *string, into interface{}) {
	text := m.factory.native.view(name)
	runtime.KeepAlive(m)
	if len(text) == 0 {
		return
	}
	if err := json.Unmarshal(text, into); err != nil {
		m.factory.logger.Error(fmt.Sprintf("the description of a flag cannot be read: %v", err))
	}
}

// BlockUntilReady is that of the factory.
func (m *SplitManager) BlockUntilReady(timer int) error { return m.factory.BlockUntilReady(timer) }
