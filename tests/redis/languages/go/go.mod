module github.com/libsplitio/libsplitio/tests/redis/languages/go

go 1.19

require github.com/libsplitio/libsplitio/bindings/go v1.0.0

replace github.com/libsplitio/libsplitio/bindings/go => ../../../../bindings/go
