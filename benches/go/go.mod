module github.com/libsplitio/libsplitio/benches/go

go 1.19

require (
	github.com/libsplitio/libsplitio/bindings/go v1.0.0
	github.com/splitio/go-client/v6 v6.8.1
	github.com/splitio/go-toolkit/v5 v5.4.1
)

require (
	github.com/bits-and-blooms/bitset v1.3.1 // indirect
	github.com/bits-and-blooms/bloom/v3 v3.3.1 // indirect
	github.com/cespare/xxhash/v2 v2.2.0 // indirect
	github.com/davecgh/go-spew v1.1.1 // indirect
	github.com/dgryski/go-rendezvous v0.0.0-20200823014737-9f7001d12a5f // indirect
	github.com/pmezard/go-difflib v1.0.0 // indirect
	github.com/redis/go-redis/v9 v9.0.4 // indirect
	github.com/splitio/go-split-commons/v8 v8.0.0 // indirect
	github.com/stretchr/objx v0.5.2 // indirect
	github.com/stretchr/testify v1.11.1 // indirect
	golang.org/x/exp v0.0.0-20231006140011-7918f672742d // indirect
	golang.org/x/sync v0.3.0 // indirect
	gopkg.in/yaml.v3 v3.0.1 // indirect
)

replace github.com/libsplitio/libsplitio/bindings/go => ../../bindings/go
