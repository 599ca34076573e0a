//go:build go1.24

package client

// The evaluations keep nothing of Go's memory and call nothing of Go: impressions and lines of the log come by other
// threads. From Go 1.24 on the compiler can be told, which spares copies of keys to the heap.

/*
#cgo noescape splitio_go_treatment
#cgo nocallback splitio_go_treatment
#cgo noescape splitio_go_treatment_with_options
#cgo nocallback splitio_go_treatment_with_options
#cgo noescape splitio_go_treatment_with_config
#cgo nocallback splitio_go_treatment_with_config
#cgo noescape splitio_go_treatment_with_both
#cgo nocallback splitio_go_treatment_with_both
*/
import "C"
