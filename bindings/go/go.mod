module github.com/libsplitio/libsplitio/bindings/go

go 1.19
