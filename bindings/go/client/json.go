package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"
)

// Deeper nesting becomes null: it may be a circle. The library reads JSON to a depth of 128.
const deepest = 64

// So do lists and maps after so many: a list that has itself twice in it would double at each depth.
const mostNested = 1 << 16

// encoder writes attributes or properties as JSON, by appending: encoding/json takes ten times as long. What JSON cannot
// hold never fails an evaluation; it becomes the nearest thing that JSON has.
type encoder struct {
	text []byte
	// Properties are text, numbers, true, false or nothing: anything else becomes [], of which the library complains.
	properties bool
	// Lists and maps so far.
	nested int
}

// full tells whether one more list or map is too many, and writes null for it.
func (e *encoder) full() bool {
	e.nested++
	if e.nested > mostNested {
		e.null()
		return true
	}
	return false
}

func (e *encoder) object(values map[string]interface{}) {
	e.text = append(e.text, '{')
	first := true
	for name, value := range values {
		if !first {
			e.text = append(e.text, ',')
		}
		first = false
		e.string(name)
		e.text = append(e.text, ':')
		e.value(value, 0)
	}
	e.text = append(e.text, '}')
}

func (e *encoder) value(value interface{}, depth int) {
	switch value := value.(type) {
	case nil:
		e.null()
	case string:
		e.string(value)
	case bool:
		e.text = strconv.AppendBool(e.text, value)
	case int:
		e.text = strconv.AppendInt(e.text, int64(value), 10)
	case int64:
		e.text = strconv.AppendInt(e.text, value, 10)
	case int32:
		e.text = strconv.AppendInt(e.text, int64(value), 10)
	case uint64:
		e.text = strconv.AppendUint(e.text, value, 10)
	case float64:
		e.float(value, 64)
	case float32:
		e.float(float64(value), 32)
	case json.Number:
		e.json(value)
	case *big.Int:
		if value == nil {
			e.null()
		} else {
			e.text = value.Append(e.text, 10)
		}
	default:
		e.other(value, depth)
	}
}

// other writes what is rare.
func (e *encoder) other(value interface{}, depth int) {
	kind := reflect.TypeOf(value).Kind()
	if !e.properties {
		switch value := value.(type) {
		case []string:
			e.strings(value)
			return
		case []interface{}:
			e.list(len(value), depth, func(i int) interface{} { return value[i] })
			return
		case time.Time:
			// As a date an attribute counts seconds.
			e.text = strconv.AppendInt(e.text, value.Unix(), 10)
			return
		case []byte:
			e.string(string(value))
			return
		case fmt.Stringer:
			if kind == reflect.Struct || kind == reflect.Ptr {
				e.string(stringOf(value))
				return
			}
		}
	}
	e.reflected(reflect.ValueOf(value), depth)
}

func (e *encoder) reflected(value reflect.Value, depth int) {
	if depth >= deepest {
		e.null()
		return
	}
	switch value.Kind() {
	case reflect.Bool:
		e.text = strconv.AppendBool(e.text, value.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.text = strconv.AppendInt(e.text, value.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		e.text = strconv.AppendUint(e.text, value.Uint(), 10)
	case reflect.Float32:
		e.float(value.Float(), 32)
	case reflect.Float64:
		e.float(value.Float(), 64)
	case reflect.String:
		e.string(value.String())
	case reflect.Ptr, reflect.Interface:
		if value.IsNil() {
			e.null()
		} else if e.properties && value.Elem().Kind() == reflect.Struct {
			e.unusable()
		} else {
			e.value(value.Elem().Interface(), depth+1)
		}
	case reflect.Slice, reflect.Array:
		if e.properties {
			e.unusable()
			return
		}
		e.list(value.Len(), depth, func(i int) interface{} { return value.Index(i).Interface() })
	case reflect.Map:
		if e.properties {
			e.unusable()
			return
		}
		e.mapping(value, depth)
	default:
		if e.properties {
			e.unusable()
			return
		}
		e.string(stringOf(value.Interface()))
	}
}

// mapping writes a map: one without values is a set, and becomes a list.
func (e *encoder) mapping(value reflect.Value, depth int) {
	if element := value.Type().Elem(); element.Kind() == reflect.Struct && element.NumField() == 0 {
		keys := value.MapKeys()
		e.list(len(keys), depth, func(i int) interface{} { return keys[i].Interface() })
		return
	}
	if e.full() {
		return
	}
	e.text = append(e.text, '{')
	for i, pairs := 0, value.MapRange(); pairs.Next(); i++ {
		if i > 0 {
			e.text = append(e.text, ',')
		}
		e.string(stringOf(pairs.Key().Interface()))
		e.text = append(e.text, ':')
		e.value(pairs.Value().Interface(), depth+1)
	}
	e.text = append(e.text, '}')
}

func (e *encoder) list(count, depth int, at func(int) interface{}) {
	if e.full() {
		return
	}
	e.text = append(e.text, '[')
	for i := 0; i < count; i++ {
		if i > 0 {
			e.text = append(e.text, ',')
		}
		if depth+1 >= deepest {
			e.null()
		} else {
			e.value(at(i), depth+1)
		}
	}
	e.text = append(e.text, ']')
}

func (e *encoder) strings(values []string) {
	e.text = append(e.text, '[')
	for i, value := range values {
		if i > 0 {
			e.text = append(e.text, ',')
		}
		e.string(value)
	}
	e.text = append(e.text, ']')
}

func (e *encoder) null()     { e.text = append(e.text, "null"...) }
func (e *encoder) unusable() { e.text = append(e.text, "[]"...) }

// float writes a number with a point or an exponent: without, the library would take it for a whole number, which
// matches where this one does not.
func (e *encoder) float(value float64, bits int) {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		e.null()
		return
	}
	start := len(e.text)
	e.text = strconv.AppendFloat(e.text, value, 'g', -1, bits)
	for _, c := range e.text[start:] {
		if c == '.' || c == 'e' {
			return
		}
	}
	e.text = append(e.text, ".0"...)
}

// json writes a number that is given as text, if it is one.
func (e *encoder) json(value json.Number) {
	if text := []byte(value); json.Valid(text) && len(text) > 0 && (text[0] == '-' || text[0] >= '0' && text[0] <= '9') {
		e.text = append(e.text, text...)
	} else {
		e.string(string(value))
	}
}

const hex = "0123456789abcdef"

func (e *encoder) string(value string) {
	e.text = append(e.text, '"')
	done := 0
	for i := 0; i < len(value); {
		c := value[i]
		if c >= utf8.RuneSelf {
			_, size := utf8.DecodeRuneInString(value[i:])
			if size == 1 {
				e.text = append(e.text, value[done:i]...)
				e.text = append(e.text, "\ufffd"...)
				done = i + 1
			}
			i += size
			continue
		}
		if c < ' ' || c == '"' || c == '\\' {
			e.text = append(e.text, value[done:i]...)
			if c < ' ' {
				e.text = append(e.text, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			} else {
				e.text = append(e.text, '\\', c)
			}
			done = i + 1
		}
		i++
	}
	e.text = append(e.text, value[done:]...)
	e.text = append(e.text, '"')
}

// stringOf is the text of a value; its own method may panic, which is no reason to fail an evaluation. The package fmt
// sees to that.
func stringOf(value interface{}) string { return fmt.Sprint(value) }

// decoded is a JSON object with the numbers that a Go program has: int, or float64.
func decoded(text []byte) map[string]interface{} {
	var values map[string]interface{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&values); err != nil {
		return nil
	}
	for name, value := range values {
		values[name] = numbers(value)
	}
	return values
}

func numbers(value interface{}) interface{} {
	switch value := value.(type) {
	case json.Number:
		if whole, err := strconv.Atoi(string(value)); err == nil {
			return whole
		}
		float, err := value.Float64()
		if err != nil {
			return string(value)
		}
		return float
	case []interface{}:
		for i := range value {
			value[i] = numbers(value[i])
		}
	case map[string]interface{}:
		for name := range value {
			value[name] = numbers(value[name])
		}
	}
	return value
}
