package client

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"
	"unsafe"
)

// packer writes plain attributes in the form that native.h reads.
type packer struct{ bytes []byte }

// pack is what fills a set, valid until the packer is used again. Not ok: something in there needs JSON, such as a list,
// or is no text of C's.
func (p *packer) pack(values map[string]interface{}) (packed string, ok bool) {
	// In a variable of its own: what hangs on the packer would be stored there with each byte.
	bytes := p.bytes[:0]
	ok = true
	for name, value := range values {
		if bytes, ok = appendAttribute(bytes, name, value); !ok {
			break
		}
	}
	p.bytes = bytes
	return view(bytes), ok
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

func appendAttribute(bytes []byte, name string, value interface{}) ([]byte, bool) {
	if name == "" || !solid(name) {
		return bytes, false
	}
	switch value := value.(type) {
	case string:
		if !solid(value) {
			return bytes, false
		}
		return append(appendEight(bytes, 's', name, uint64(len(value))), value...), true
	case bool:
		flag := byte(0)
		if value {
			flag = 1
		}
		return append(appendName(bytes, 'b', name), flag), true
	case int:
		return appendEight(bytes, 'i', name, uint64(value)), true
	case int64:
		return appendEight(bytes, 'i', name, uint64(value)), true
	case int32:
		return appendEight(bytes, 'i', name, uint64(int64(value))), true
	case time.Time:
		return appendEight(bytes, 'i', name, uint64(value.Unix())), true
	case float64:
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return bytes, false
		}
		return appendEight(bytes, 'd', name, math.Float64bits(value)), true
	}
	return bytes, false
}

func appendName(bytes []byte, kind byte, name string) []byte {
	return append(append(append(bytes, kind), name...), 0)
}

// In the order of the machine, as C reads it.
func appendEight(bytes []byte, kind byte, name string, value uint64) []byte {
	eight := *(*[8]byte)(unsafe.Pointer(&value))
	return append(appendName(bytes, kind, name), eight[:]...)
}
