package client

import "runtime"

// SplitClient evaluates flags and tracks events. Its methods may be called at once, by any number of goroutines.
//
// A key is a string, a *Key, or a number, of which the text is used. Attributes may be nil; values are text, numbers, true
// and false, lists and sets of text ([]string, map[string]struct{}), and points in time (time.Time, or whole seconds since
// 1970). An evaluation never fails: it answers "control", or what the option fallbackTreatments says, when there is
// nothing to evaluate, and the log says why.
type SplitClient struct {
	factory *SplitFactory
	// A JSON object; empty for none.
	properties string
}

// TreatmentResult is a treatment with its configuration; nil when it has none.
type TreatmentResult struct {
	Treatment string  `json:"treatment"`
	Config    *string `json:"config"`
}

// EvaluationOptions is what may come with evaluations besides attributes.
type EvaluationOptions struct {
	// Properties go to Split with the impressions: text, numbers, true and false.
	Properties map[string]interface{}
}

// WithEvaluationOptions is the same client with options for all its evaluations. Those of Split's Go client, 6.8.1, have
// none, so its signatures have no room for them.
func (c *SplitClient) WithEvaluationOptions(options EvaluationOptions) *SplitClient {
	other := &SplitClient{factory: c.factory}
	if options.Properties != nil {
		encoded := encoder{properties: true}
		encoded.object(options.Properties)
		other.properties = string(encoded.text)
	}
	return other
}

// Treatment evaluates a flag for a key, and records the impression. With definitions in memory it waits for nothing, and
// without attributes it allocates nothing.
func (c *SplitClient) Treatment(key interface{}, featureFlagName string, attributes map[string]interface{}) string {
	if text, ok := key.(string); ok && attributes == nil && c.properties == "" {
		treatment := c.factory.native.treatment(text, featureFlagName)
		runtime.KeepAlive(c)
		return treatment
	}
	memory := scratches.Get().(*scratch)
	question := c.question(key, attributes, "Treatment", memory)
	treatment := c.factory.native.treatmentWithOptions(&question, featureFlagName)
	memory.put()
	runtime.KeepAlive(c)
	return treatment
}

// TreatmentWithConfig is Treatment, with the configuration of the treatment.
func (c *SplitClient) TreatmentWithConfig(key interface{}, featureFlagName string, attributes map[string]interface{}) TreatmentResult {
	if text, ok := key.(string); ok && attributes == nil && c.properties == "" {
		result := c.factory.native.treatmentWithConfig(text, featureFlagName)
		runtime.KeepAlive(c)
		return result
	}
	memory := scratches.Get().(*scratch)
	question := c.question(key, attributes, "TreatmentWithConfig", memory)
	result := c.factory.native.treatmentWithBoth(&question, featureFlagName)
	memory.put()
	runtime.KeepAlive(c)
	return result
}

// question is what an evaluation is given; valid until the memory is used again.
func (c *SplitClient) question(key interface{}, attributes map[string]interface{}, method string, memory *scratch) question {
	q := question{properties: c.properties}
	if attributes != nil {
		packed, filled, ok := memory.packed.pack(attributes)
		if ok && !memory.set.none() {
			q.attributes, q.set, q.filled = packed, memory.set, filled
		} else {
			q.attributes = memory.attributes.encoded(attributes)
		}
	}
	q.setKey(key, method, c.factory.logger)
	return q
}

// Treatments evaluates flags for a key, against one state of the definitions.
func (c *SplitClient) Treatments(key interface{}, featureFlagNames []string, attributes map[string]interface{}) map[string]string {
	return c.many("Treatments", ofFlags, key, featureFlagNames, attributes)
}

// TreatmentsWithConfig is Treatments, with the configurations.
func (c *SplitClient) TreatmentsWithConfig(key interface{}, featureFlagNames []string, attributes map[string]interface{}) map[string]TreatmentResult {
	return c.manyWithConfig("TreatmentsWithConfig", ofFlags, key, featureFlagNames, attributes)
}

// TreatmentsByFlagSet evaluates the flags of a flag set. One that is unknown, or outside FlagSetsFilter, has none.
func (c *SplitClient) TreatmentsByFlagSet(key interface{}, flagSet string, attributes map[string]interface{}) map[string]string {
	return c.many("TreatmentsByFlagSet", ofSet, key, []string{flagSet}, attributes)
}

// TreatmentsByFlagSets evaluates the flags that are in at least one of several flag sets.
func (c *SplitClient) TreatmentsByFlagSets(key interface{}, flagSets []string, attributes map[string]interface{}) map[string]string {
	return c.many("TreatmentsByFlagSets", ofSets, key, flagSets, attributes)
}

// TreatmentsWithConfigByFlagSet is TreatmentsByFlagSet, with the configurations.
func (c *SplitClient) TreatmentsWithConfigByFlagSet(key interface{}, flagSet string, attributes map[string]interface{}) map[string]TreatmentResult {
	return c.manyWithConfig("TreatmentsWithConfigByFlagSet", ofSet, key, []string{flagSet}, attributes)
}

// TreatmentsWithConfigByFlagSets is TreatmentsByFlagSets, with the configurations.
func (c *SplitClient) TreatmentsWithConfigByFlagSets(key interface{}, flagSets []string, attributes map[string]interface{}) map[string]TreatmentResult {
	return c.manyWithConfig("TreatmentsWithConfigByFlagSets", ofSets, key, flagSets, attributes)
}

func (c *SplitClient) many(method string, of int, key interface{}, names []string, attributes map[string]interface{}) map[string]string {
	var answers map[string]string
	c.evaluate(method, of, false, key, names, attributes, func(count int) {
		answers = make(map[string]string, count)
	}, func(flag string, result TreatmentResult) {
		answers[flag] = result.Treatment
	})
	return answers
}

func (c *SplitClient) manyWithConfig(method string, of int, key interface{}, names []string, attributes map[string]interface{}) map[string]TreatmentResult {
	var answers map[string]TreatmentResult
	c.evaluate(method, of, true, key, names, attributes, func(count int) {
		answers = make(map[string]TreatmentResult, count)
	}, func(flag string, result TreatmentResult) {
		answers[flag] = result
	})
	return answers
}

func (c *SplitClient) evaluate(method string, of int, withConfig bool, key interface{}, names []string, attributes map[string]interface{}, start func(int), each func(string, TreatmentResult)) {
	memory := scratches.Get().(*scratch)
	question := c.question(key, attributes, method, memory)
	var texts string
	question.key, texts = memory.names.lines(question.key, names)
	c.factory.native.many(&question, of, withConfig, texts, names, start, each)
	memory.put()
	runtime.KeepAlive(c)
}

// Track records an event of a key, for metrics. The value is a number, or nil for none; properties are text, numbers, true
// and false, or nil. It fails when an argument is not valid, when the queue of events is full, and after Destroy.
func (c *SplitClient) Track(key string, trafficType string, eventType string, value interface{}, properties map[string]interface{}) error {
	amount, err := number(value)
	if err != nil {
		c.factory.logger.Error(err.Error())
		return err
	}
	memory := scratches.Get().(*scratch)
	failure := c.factory.native.track(key, trafficType, eventType, amount, memory.properties.encoded(properties))
	memory.put()
	runtime.KeepAlive(c)
	if failure != nil {
		return failure
	}
	return nil
}

// BlockUntilReady is that of the factory.
func (c *SplitClient) BlockUntilReady(timer int) error { return c.factory.BlockUntilReady(timer) }

// Destroy is that of the factory.
func (c *SplitClient) Destroy() { c.factory.Destroy() }
