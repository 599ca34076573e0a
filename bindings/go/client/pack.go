package client

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"
	"unsafe"
)

// packer writes plain attributes in the form that native.h reads, and knows what the set that is filled from it holds.
// Requests evaluate many flags for the same attributes: to see that they are the same takes a fraction of filling the set
// again. They are compared with copies, as texts of servers that use their buffers again (fasthttp) change in place.
type packer struct {
	bytes []byte
	// How many attributes that is; -1 for none, or no whole.
	count int
}

// pack is what fills a set, valid until the packer is used again; filled tells whether the last call packed the same. Not
// ok: something in there needs JSON, such as a list, or is no text of C's.
func (p *packer) pack(values map[string]interface{}) (packed string, filled, ok bool) {
	if p.count == len(values) && holds(p.bytes, values) {
		return view(p.bytes), true, true
	}
	// In a variable of its own: what hangs on the packer would be stored there with each byte.
	bytes := p.bytes[:0]
	ok = true
	for name, value := range values {
		if bytes, ok = appendAttribute(bytes, name, value); !ok {
			break
		}
	}
	p.bytes, p.count = bytes, -1
	if ok {
		p.count = len(values)
	}
	return view(bytes), false, ok
}

// solid tells whether a text has a form in C. Most are short and ASCII, which is seen here in less time than the general
// checks take to start.
func solid(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i]-1 >= utf8.RuneSelf-1 {
			return utf8.ValidString(text) && strings.IndexByte(text, 0) < 0
		}
	}
	return true
}

// Kinds of attributes. native.h knows them as well.
const (
	ofText  = 's'
	ofWhole = 'i'
	ofFloat = 'd'
	ofBool  = 'b'
	ofTexts = 'l'
)

// The length of a name is one byte.
const longestName = math.MaxUint8

// native.h has room for as many texts. Longer lists go as JSON.
const longestList = 32

func appendAttribute(bytes []byte, name string, value interface{}) ([]byte, bool) {
	if name == "" || len(name) > longestName || !solid(name) {
		return bytes, false
	}
	switch value := value.(type) {
	case string:
		return appendText(appendName(bytes, ofText, name), value)
	case bool:
		flag := byte(0)
		if value {
			flag = 1
		}
		return append(appendName(bytes, ofBool, name), flag), true
	case float64:
		// What JSON has no form for becomes null there.
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return bytes, false
		}
		return appendEight(appendName(bytes, ofFloat, name), math.Float64bits(value)), true
	case []string:
		return appendTexts(appendName(bytes, ofTexts, name), value)
	}
	number, ok := whole(value)
	return appendEight(appendName(bytes, ofWhole, name), number), ok
}

func appendName(bytes []byte, kind byte, name string) []byte {
	return append(append(append(bytes, kind, byte(len(name))), name...), 0)
}

func appendText(bytes []byte, text string) ([]byte, bool) {
	return append(appendEight(bytes, uint64(len(text))), text...), solid(text)
}

func appendTexts(bytes []byte, texts []string) ([]byte, bool) {
	// None at all becomes null.
	if texts == nil || len(texts) > longestList {
		return bytes, false
	}
	bytes, ok := appendEight(bytes, uint64(len(texts))), true
	for _, text := range texts {
		if bytes, ok = appendText(bytes, text); !ok {
			break
		}
	}
	return bytes, ok
}

// In the order of the machine, as C reads it.
func appendEight(bytes []byte, whole uint64) []byte {
	eight := *(*[8]byte)(unsafe.Pointer(&whole))
	return append(bytes, eight[:]...)
}

func eightOf(bytes []byte) uint64 {
	var whole uint64
	copy((*[8]byte)(unsafe.Pointer(&whole))[:], bytes[:8])
	return whole
}

// whole is a number that is whole and has a form in C.
func whole(value interface{}) (uint64, bool) {
	switch value := value.(type) {
	case int:
		return uint64(value), true
	case int64:
		return uint64(value), true
	case int32:
		return uint64(int64(value)), true
	case int16:
		return uint64(int64(value)), true
	case int8:
		return uint64(int64(value)), true
	case uint:
		return uint64(value), uint64(value) <= math.MaxInt64
	case uint64:
		return value, value <= math.MaxInt64
	case uint32:
		return uint64(value), true
	case uint16:
		return uint64(value), true
	case uint8:
		return uint64(value), true
	case time.Time:
		return uint64(value.Unix()), true
	}
	return 0, false
}

// holds tells whether bytes are these values, of which there are as many.
func holds(bytes []byte, values map[string]interface{}) bool {
	for same := true; len(bytes) > 0; {
		kind, end := bytes[0], 2+int(bytes[1])
		value, found := values[string(bytes[2:end])]
		if !found {
			return false
		}
		bytes = bytes[end+1:]
		switch kind {
		case ofText:
			text, ok := value.(string)
			if bytes, same = afterText(bytes, text); !ok || !same {
				return false
			}
		case ofBool:
			flag, ok := value.(bool)
			if !ok || flag != (bytes[0] != 0) {
				return false
			}
			bytes = bytes[1:]
		case ofFloat:
			float, ok := value.(float64)
			if !ok || math.Float64bits(float) != eightOf(bytes) {
				return false
			}
			bytes = bytes[8:]
		case ofTexts:
			texts, ok := value.([]string)
			if !ok || texts == nil || uint64(len(texts)) != eightOf(bytes) {
				return false
			}
			bytes = bytes[8:]
			for _, text := range texts {
				if bytes, same = afterText(bytes, text); !same {
					return false
				}
			}
		default:
			number, ok := whole(value)
			if !ok || number != eightOf(bytes) {
				return false
			}
			bytes = bytes[8:]
		}
	}
	return true
}

// afterText is what follows a text, if bytes start with it.
func afterText(bytes []byte, text string) ([]byte, bool) {
	if eightOf(bytes) != uint64(len(text)) || string(bytes[8:8+len(text)]) != text {
		return nil, false
	}
	return bytes[8+len(text):], true
}
