module example.com/guide

go 1.19

require github.com/libsplitio/libsplitio/bindings/go v1.0.0

// In a checkout; a program elsewhere leaves this out.
replace github.com/libsplitio/libsplitio/bindings/go => ../../../bindings/go
