package client

/*
#include <splitio.h>
*/
import "C"

import (
	"fmt"
	"runtime/cgo"
	"runtime/debug"

	"github.com/libsplitio/libsplitio/bindings/go/dtos"
	impressionlistener "github.com/libsplitio/libsplitio/bindings/go/impressionListener"
	"github.com/libsplitio/libsplitio/bindings/go/logging"
)

// listening is what the library holds, by a handle, for as long as it may call the listener.
type listening struct {
	listener impressionlistener.ImpressionListener
	logger   logging.LoggerInterface
}

//export libsplitioGoImpression
func libsplitioGoImpression(impression *C.split_impression, handle C.uintptr_t) {
	to := cgo.Handle(handle).Value().(*listening)
	// A panic cannot cross C: it would end the program.
	defer func() {
		if reason := recover(); reason != nil {
			to.logger.Error(fmt.Sprintf("the impression listener panicked: %v\n%s", reason, debug.Stack()))
		}
	}()
	data := impressionlistener.ILObject{
		Impression: dtos.Impression{
			KeyName:      C.GoString(impression.key),
			BucketingKey: C.GoString(impression.bucketing_key),
			FeatureName:  C.GoString(impression.flag),
			Treatment:    C.GoString(impression.treatment),
			Label:        C.GoString(impression.label),
			ChangeNumber: int64(impression.change_number),
			Time:         int64(impression.time),
			Pt:           int64(impression.previous_time),
			Properties:   C.GoString(impression.properties_json),
		},
		InstanceID:         C.GoString(impression.instance),
		SDKLanguageVersion: C.GoString(impression.sdk_version),
	}
	if impression.attributes_json != nil {
		data.Attributes = decoded([]byte(C.GoString(impression.attributes_json)))
	}
	to.listener.LogImpression(data)
}

//export libsplitioGoDrop
func libsplitioGoDrop(handle C.uintptr_t) { cgo.Handle(handle).Delete() }
