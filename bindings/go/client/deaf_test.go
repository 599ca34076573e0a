package client

import impressionlistener "github.com/libsplitio/libsplitio/bindings/go/impressionListener"

// deaf is a listener that does nothing.
type deaf struct{}

func (deaf) LogImpression(impressionlistener.ILObject) {}
