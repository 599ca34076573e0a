package client

import (
	"sync"
	"sync/atomic"
	"unsafe"
)

// treatments has the texts of treatments by address: the library has one copy of each, for as long as the process lives.
var treatments texts

// texts is a map that is read without a lock, and copied when something new comes.
type texts struct {
	known  atomic.Pointer[map[unsafe.Pointer]string]
	adding sync.Mutex
}

func (t *texts) of(address unsafe.Pointer) string {
	if known := t.known.Load(); known != nil {
		if text, ok := (*known)[address]; ok {
			return text
		}
	}
	return t.add(address)
}

func (t *texts) add(address unsafe.Pointer) string {
	t.adding.Lock()
	defer t.adding.Unlock()
	text := textAt(address)
	more := map[unsafe.Pointer]string{address: text}
	if known := t.known.Load(); known != nil {
		for each, text := range *known {
			more[each] = text
		}
	}
	t.known.Store(&more)
	return text
}
