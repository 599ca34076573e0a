package client

/*
#include "native.h"
*/
import "C"

import (
	"runtime/cgo"
	"unsafe"
)

// This file has all calls of the library but its callbacks. Nothing in it knows what a flag is.

// native is a split_factory. The zero value is none, of which the library makes "control".
type native struct {
	factory *C.split_factory
	// The same, for the calls that evaluate.
	handle C.splitio_go_handle
}

// Codes of splitio.h that make a difference here.
const (
	statusOK           = C.SPLIT_OK
	statusTimeout      = C.SPLIT_E_TIMEOUT
	statusDestroyed    = C.SPLIT_E_DESTROYED
	statusReentrant    = C.SPLIT_E_REENTRANT
	statusUnauthorized = C.SPLIT_E_UNAUTHORIZED
)

// question is what an evaluation is given: views of Go's memory, which the library reads and does not keep.
type question struct {
	key string
	// pair: whether there is a bucketing key, be it empty.
	pair      bool
	bucketing string
	// attributes is JSON, or what fills set; filled tells whether it has the same already.
	attributes string
	set        attributeSet
	filled     bool
	properties string
}

// attributeSet is a set that is filled again and again; the zero value is none.
type attributeSet struct{ handle C.splitio_go_handle }

// newAttributeSet is none without memory for it.
func newAttributeSet() attributeSet { return attributeSet{C.splitio_go_set_new()} }

func (s attributeSet) none() bool { return s.handle == 0 }

func (s attributeSet) free() { C.splitio_go_set_free(s.handle) }

func newNative(given *settings, listener cgo.Handle) (native, *Error) {
	key, names, options := C.CString(given.key), C.CString(string(given.names)), C.CString(string(given.options))
	defer C.free(unsafe.Pointer(key))
	defer C.free(unsafe.Pointer(names))
	defer C.free(unsafe.Pointer(options))
	var failure C.split_error
	factory := C.splitio_go_factory(key, names, options, C.uintptr_t(listener), &failure)
	if factory == nil {
		return native{}, errorOf(&failure)
	}
	return native{factory, C.splitio_go_handle(uintptr(unsafe.Pointer(factory)))}, nil
}

func errorOf(failure *C.split_error) *Error {
	message := C.GoString(&failure.message[0])
	if message == "" {
		message = statusText(int(failure.status))
	}
	return &Error{Status: int(failure.status), Message: message}
}

func statusText(status int) string { return C.GoString(C.split_status_string(C.split_status(status))) }

func (n native) treatment(key, flag string) string {
	return treatments.of(unsafe.Pointer(C.splitio_go_treatment(n.handle, key, flag)))
}

func (n native) treatmentWithOptions(q *question, flag string) string {
	return treatments.of(unsafe.Pointer(C.splitio_go_treatment_with_options(n.handle, q.key, flag,
		boolean(q.pair), q.bucketing, q.set.handle, boolean(q.filled), q.attributes, q.properties)))
}

func (n native) treatmentWithConfig(key, flag string) TreatmentResult {
	answer := C.splitio_go_treatment_with_config(n.handle, key, flag)
	return released(&answer)
}

func (n native) treatmentWithBoth(q *question, flag string) TreatmentResult {
	answer := C.splitio_go_treatment_with_both(n.handle, q.key, flag,
		boolean(q.pair), q.bucketing, q.set.handle, boolean(q.filled), q.attributes, q.properties)
	return released(&answer)
}

// released is an answer of Go's.
func released(answer *C.splitio_go_answer) TreatmentResult {
	result := &answer.result
	if result.config == nil && result.config_len > 0 {
		config := string(unsafe.Slice((*byte)(unsafe.Pointer(&answer.config)), int(result.config_len)))
		return TreatmentResult{Treatment: treatments.of(unsafe.Pointer(result.treatment)), Config: &config}
	}
	given := answerOf(result)
	if result.hold != nil {
		C.splitio_go_release(*result)
	}
	return given
}

func answerOf(result *C.split_result) TreatmentResult {
	answer := TreatmentResult{Treatment: treatments.of(unsafe.Pointer(result.treatment))}
	if result.config != nil {
		config := string(unsafe.Slice((*byte)(unsafe.Pointer(result.config)), int(result.config_len)))
		answer.Config = &config
	}
	return answer
}

// What many evaluations are made of.
const (
	ofFlags = C.SPLITIO_GO_FLAGS
	ofSet   = C.SPLITIO_GO_SET
	ofSets  = C.SPLITIO_GO_SETS
)

// many evaluates many flags: it calls start with how many answers there are, and each with the name and the answer of each
// of them. The names are also in texts,
// where each ends in a NUL, and so does the key.
func (n native) many(q *question, of int, withConfig bool, texts string, names []string, start func(int), each func(string, TreatmentResult)) {
	results := C.splitio_go_treatments(n.handle, C.int(of), boolean(withConfig), q.key, texts,
		C.size_t(len(names)), boolean(q.pair), q.bucketing, q.set.handle, boolean(q.filled), q.attributes, q.properties)
	start(int(results.count))
	if results.count > 0 {
		all := unsafe.Slice(results.data, int(results.count))
		for i := range all {
			// Names of flags come back in the order in which they were asked for, as a rule.
			if i < len(names) && same(all[i].flag, names[i]) {
				each(names[i], answerOf(&all[i]))
			} else {
				each(C.GoString(all[i].flag), answerOf(&all[i]))
			}
		}
	}
	C.split_results_free(results.list)
}

// same tells whether a text of C's is one of Go's, without a copy.
func same(text *C.char, name string) bool {
	start := unsafe.Pointer(text)
	for i := 0; i < len(name); i++ {
		if name[i] == 0 || *(*byte)(unsafe.Add(start, i)) != name[i] {
			return false
		}
	}
	return *(*byte)(unsafe.Add(start, len(name))) == 0
}

// explain is given a key and a flag that end in a NUL.
func (n native) explain(q *question, flag string) ([]byte, *Error) {
	var text C.split_json
	status := int(C.splitio_go_explain(n.handle, q.key, flag,
		boolean(q.pair), q.bucketing, q.set.handle, boolean(q.filled), q.attributes, q.properties, &text))
	if status == statusOK {
		return taken(&text), nil
	}
	return taken(&text), &Error{Status: status, Message: statusText(status)}
}

func (n native) track(key, trafficType, eventType string, value float64, properties string) *Error {
	failure := C.splitio_go_track(n.handle, key, trafficType, eventType, C.double(value), properties)
	if failure.status == statusOK {
		return nil
	}
	return errorOf(&failure)
}

func (n native) names() []string {
	list := C.split_manager_names(n.factory)
	defer C.split_name_list_free(list)
	var count C.size_t
	data := C.split_name_list_data(list, &count)
	names := make([]string, 0, int(count))
	if count > 0 {
		for _, name := range unsafe.Slice(data, int(count)) {
			names = append(names, C.GoString(name))
		}
	}
	return names
}

// view is what the manager says about a flag, as JSON; about all of them if there is no name.
func (n native) view(name *string) []byte {
	var cName *C.char
	if name != nil {
		cName = C.CString(*name)
		defer C.free(unsafe.Pointer(cName))
	}
	var text C.split_json
	if C.split_manager_json(n.factory, cName, &text) != statusOK {
		return nil
	}
	return taken(&text)
}

func taken(text *C.split_json) []byte {
	defer C.split_json_release(text)
	if text.len == 0 {
		return nil
	}
	return append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(text.ptr)), int(text.len))...)
}

// poll waits for records of the queue, for as long as it takes.
func (n native) poll(most int) (int, []byte) {
	var text C.split_json
	status := C.split_poll(n.factory, -1, C.size_t(most), &text)
	if status != statusOK {
		return int(status), nil
	}
	return statusOK, taken(&text)
}

func (n native) ready() bool { return bool(C.split_is_ready(n.factory)) }

func (n native) destroyed() bool {
	return C.split_factory_status(n.factory) == C.SPLIT_STATUS_DESTROYED
}

func (n native) blockUntilReady(milliseconds int64) int {
	return int(C.split_block_until_ready(n.factory, C.int64_t(milliseconds)))
}

// inListener tells whether the caller is the impression listener.
func inListener() bool { return C.splitio_go_is_listening() != 0 }

func (n native) flush(milliseconds int64) int {
	return int(C.split_flush(n.factory, C.int64_t(milliseconds)))
}

func (n native) destroy(milliseconds int64) int {
	return int(C.split_destroy(n.factory, C.int64_t(milliseconds)))
}

func (n native) free() { C.split_factory_free(n.factory) }

func boolean(value bool) C.int {
	if value {
		return 1
	}
	return 0
}

func textAt(address unsafe.Pointer) string { return C.GoString((*C.char)(address)) }
