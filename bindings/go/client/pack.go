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
	p.bytes = p.bytes[:0]
	for name, value := range values {
		if name == "" || !solid(name) || !p.attribute(name, value) {
			return "", false
		}
	}
	return view(p.bytes), true
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

func (p *packer) attribute(name string, value interface{}) bool {
	switch value := value.(type) {
	case string:
		if !solid(value) {
			return false
		}
		p.eight('s', name, uint64(len(value)))
		p.bytes = append(p.bytes, value...)
	case bool:
		p.start('b', name)
		if value {
			p.bytes = append(p.bytes, 1)
		} else {
			p.bytes = append(p.bytes, 0)
		}
	case int:
		p.eight('i', name, uint64(value))
	case int64:
		p.eight('i', name, uint64(value))
	case int32:
		p.eight('i', name, uint64(int64(value)))
	case time.Time:
		p.eight('i', name, uint64(value.Unix()))
	case float64:
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return false
		}
		p.eight('d', name, math.Float64bits(value))
	default:
		return false
	}
	return true
}

func (p *packer) start(kind byte, name string) {
	p.bytes = append(append(append(p.bytes, kind), name...), 0)
}

func (p *packer) eight(kind byte, name string, value uint64) {
	// In the order of the machine, as C reads it.
	bytes := *(*[8]byte)(unsafe.Pointer(&value))
	p.start(kind, name)
	p.bytes = append(p.bytes, bytes[:]...)
}
