// Package impressionlistener has what a program implements to see its impressions.
package impressionlistener

import "github.com/libsplitio/libsplitio/bindings/go/dtos"

// ILObject is an impression with what came along.
type ILObject struct {
	Impression dtos.Impression
	// Attributes are those of the evaluation, as they went to the library: numbers are int, or float64 when they
	// have a fraction or do not fit; lists are []interface{}. Nil when none were given.
	Attributes map[string]interface{}
	// InstanceID is the name of the machine.
	InstanceID string
	// SDKLanguageVersion is name and version of the SDK, as Split's back end gets it.
	SDKLanguageVersion string
}

// ImpressionListener gets every impression of a factory: one at a time, in order, on a thread of the library, never
// inside an evaluation. It may take its time and may evaluate flags. When it lags by ImpressionsQueueSize, impressions
// are dropped for it, and counted in the log; what Split's back end gets is not affected.
//
// It may panic, but not end its goroutine: runtime.Goexit, which is also what FailNow and Fatal of a test do, ends the
// program there.
type ImpressionListener interface {
	LogImpression(data ILObject)
}
