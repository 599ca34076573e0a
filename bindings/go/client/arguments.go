package client

import (
	"fmt"
	"math"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"github.com/libsplitio/libsplitio/bindings/go/logging"
)

// What is wrong with a value is said by the library, in the words of Split's SDKs. So what is no text is passed as
// something that it refuses.

// unusable is not UTF-8: what stands for a key that is no text.
const unusable = "\xff"

// Key has the key that rules look at, and the one that decides the bucket.
type Key struct {
	MatchingKey  string
	BucketingKey string
}

// NewKey makes a pair of keys.
func NewKey(matchingKey string, bucketingKey string) *Key {
	return &Key{MatchingKey: matchingKey, BucketingKey: bucketingKey}
}

// setKey takes a key: a string, a *Key or Key, or a number, of which the text is used.
func (q *question) setKey(key interface{}, method string, logger logging.LoggerInterface) {
	switch key := key.(type) {
	case string:
		q.key = key
		return
	case *Key:
		if key != nil {
			q.key, q.bucketing, q.pair = key.MatchingKey, key.BucketingKey, true
			return
		}
	case Key:
		q.key, q.bucketing, q.pair = key.MatchingKey, key.BucketingKey, true
		return
	case int:
		q.key = strconv.Itoa(key)
	case int32:
		q.key = strconv.FormatInt(int64(key), 10)
	case int64:
		q.key = strconv.FormatInt(key, 10)
	case float64:
		if !math.IsNaN(key) && !math.IsInf(key, 0) {
			q.key = strconv.FormatFloat(key, 'f', -1, 64)
		}
	}
	if q.key == "" {
		q.key = unusable
		return
	}
	logger.Warning(method + ": the key is a number and is used as text; pass a string")
}

// scratch is memory for the texts of a call, used again by later ones.
type scratch struct {
	attributes, properties, names encoder
	packed                        packer
	set                           attributeSet
}

var scratches = sync.Pool{New: func() interface{} {
	memory := &scratch{properties: encoder{properties: true}, packed: packer{count: -1}, set: newAttributeSet()}
	// The pool forgets what is not used.
	runtime.SetFinalizer(memory, func(memory *scratch) { memory.set.free() })
	return memory
}}

// Larger ones are left to the garbage collector: a single huge call must not hold its memory for ever.
const largest = 64 << 10

func (s *scratch) put() {
	// With its set.
	if cap(s.packed.bytes) > largest {
		return
	}
	for _, each := range [...]*encoder{&s.attributes, &s.properties, &s.names} {
		if cap(each.text) > largest {
			each.text = nil
		}
	}
	scratches.Put(s)
}

// encoded is JSON in the memory of an encoder, valid until that is used again; empty for nil.
func (e *encoder) encoded(values map[string]interface{}) string {
	if values == nil {
		return ""
	}
	e.text, e.nested = e.text[:0], 0
	e.object(values)
	return view(e.text)
}

// view is a string that shares the memory of bytes, for as long as nobody changes them.
func view(bytes []byte) string { return *(*string)(unsafe.Pointer(&bytes)) }

// lines puts texts one after the other, each with a NUL. One with a NUL inside has no form in C and becomes unusable.
func (e *encoder) lines(key string, texts []string) (whose, names string) {
	e.text = e.text[:0]
	e.line(key)
	end := len(e.text)
	for _, text := range texts {
		e.line(text)
	}
	return view(e.text[:end]), view(e.text[end:])
}

func (e *encoder) line(text string) {
	if strings.IndexByte(text, 0) >= 0 {
		text = unusable
	}
	e.text = append(append(e.text, text...), 0)
}

// number is the value of an event; NaN is none.
func number(value interface{}) (float64, error) {
	var number float64
	switch value := value.(type) {
	case nil:
		return math.NaN(), nil
	case float64:
		number = value
	case float32:
		number = float64(value)
	case int:
		number = float64(value)
	case int8:
		number = float64(value)
	case int16:
		number = float64(value)
	case int32:
		number = float64(value)
	case int64:
		number = float64(value)
	case uint:
		number = float64(value)
	case uint8:
		number = float64(value)
	case uint16:
		number = float64(value)
	case uint32:
		number = float64(value)
	case uint64:
		number = float64(value)
	default:
		return 0, fmt.Errorf("Track: value must be a number, and is a %T", value)
	}
	if math.IsNaN(number) || math.IsInf(number, 0) {
		return 0, fmt.Errorf("Track: value must be a number, and is %v", number)
	}
	return number, nil
}
