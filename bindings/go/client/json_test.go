package client

import (
	"encoding/json"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"
)

type named string

type shown struct{ name string }

func (s shown) String() string { return "<" + s.name + ">" }

func TestAttributesAsJSON(t *testing.T) {
	whole, nothing := 7, (*int)(nil)
	huge, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	for _, c := range []struct {
		value            interface{}
		attribute, event string
	}{
		{nil, "null", "null"},
		{"plain", `"plain"`, `"plain"`},
		{"\"\\\n\x00\u2028é", `"\"\\\u000a\u0000` + "\u2028é" + `"`, `"\"\\\u000a\u0000` + "\u2028é" + `"`},
		{"a\xff\xfeb", "\"a\ufffd\ufffdb\"", "\"a\ufffd\ufffdb\""},
		{true, "true", "true"},
		{-3, "-3", "-3"},
		{int8(-3), "-3", "-3"},
		{uint64(math.MaxUint64), "18446744073709551615", "18446744073709551615"},
		{huge, "123456789012345678901234567890", "123456789012345678901234567890"},
		{30.0, "30.0", "30.0"},
		{1e21, "1e+21", "1e+21"},
		{float32(0.1), "0.1", "0.1"},
		{math.NaN(), "null", "null"},
		{math.Inf(-1), "null", "null"},
		{json.Number("1.50"), "1.50", "1.50"},
		{json.Number("true"), `"true"`, `"true"`},
		{named("n"), `"n"`, `"n"`},
		{&whole, "7", "7"},
		{nothing, "null", "null"},
		{[]string{"a", "b"}, `["a","b"]`, "[]"},
		{[]interface{}{1, "a", nil}, `[1,"a",null]`, "[]"},
		{[2]int{1, 2}, "[1,2]", "[]"},
		{[]byte("bytes"), `"bytes"`, "[]"},
		{map[string]struct{}{"a": {}}, `["a"]`, "[]"},
		{map[int]bool{1: true}, `{"1":true}`, "[]"},
		{time.Unix(-1, 5).UTC(), "-1", "[]"},
		{shown{"x"}, `"<x>"`, "[]"},
		{&shown{"x"}, `"<x>"`, "[]"},
		{struct{ A int }{1}, `"{1}"`, "[]"},
	} {
		for properties, wanted := range map[bool]string{false: c.attribute, true: c.event} {
			e := encoder{properties: properties}
			e.value(c.value, 0)
			if got := string(e.text); got != wanted {
				t.Errorf("%#v (properties: %v): %s, not %s", c.value, properties, got, wanted)
			}
			if !json.Valid(e.text) {
				t.Errorf("%#v is not JSON: %s", c.value, e.text)
			}
		}
	}
}

func TestCirclesEnd(t *testing.T) {
	circle := map[string]interface{}{}
	circle["again"] = circle
	list := make([]interface{}, 1)
	list[0] = list
	var pointer interface{}
	pointer = &pointer
	twice := make([]interface{}, 2)
	twice[0], twice[1] = twice, twice
	pair := map[string]interface{}{}
	pair["a"], pair["b"] = pair, pair
	for _, c := range []struct {
		value interface{}
		most  int
	}{{circle, 2000}, {list, 2000}, {pointer, 2000}, {twice, 1 << 20}, {pair, 1 << 21}} {
		e := encoder{}
		e.value(c.value, 0)
		if !json.Valid(e.text) || len(e.text) > c.most {
			t.Errorf("%d bytes: %.100s", len(e.text), e.text)
		}
	}
}

func TestWhatIsPacked(t *testing.T) {
	p := packer{count: -1}
	packed, _, ok := p.pack(map[string]interface{}{"name": "ann"})
	if !ok || packed != "s\x04name\x00\x03\x00\x00\x00\x00\x00\x00\x00ann" && packed != "s\x04name\x00\x00\x00\x00\x00\x00\x00\x00\x03ann" {
		t.Errorf("%q", packed)
	}
	for _, value := range []interface{}{
		nil, "a\x00", "\xff", math.NaN(), math.Inf(1), shown{}, uint64(1 << 63), []interface{}{"a"}, []string(nil),
		[]string{"a\x00"}, make([]string, longestList+1),
	} {
		if packed, _, ok := p.pack(map[string]interface{}{"a": value}); ok {
			t.Errorf("%#v is packed: %q", value, packed)
		}
		if _, filled, ok := p.pack(map[string]interface{}{"a": 1}); filled || !ok {
			t.Errorf("after %#v, which has no packed form, the set is not known to be filled", value)
		}
	}
	for _, name := range []string{"", "a\x00", "\xff", strings.Repeat("a", longestName+1)} {
		if packed, _, ok := p.pack(map[string]interface{}{name: 1}); ok {
			t.Errorf("%q is packed: %q", name, packed)
		}
	}
}

// Each is packed after each other, and is seen to be the same as itself and as nothing else.
func TestWhatIsPackedAlready(t *testing.T) {
	var all []map[string]interface{}
	for _, value := range []interface{}{
		"ann", "eve", "", "ann ", 0, 1, -1, 1.0, 1.5, 0.0, true, false, uint8(7), []string{}, []string{""}, []string{"a", "b"},
		[]string{"ab"}, []string{"b", "a"},
	} {
		all = append(all, map[string]interface{}{"a": value}, map[string]interface{}{"b": value},
			map[string]interface{}{"a": value, "b": "x"}, map[string]interface{}{"a": "x", "b": value})
	}
	all = append(all, map[string]interface{}{})
	p := packer{count: -1}
	for _, before := range all {
		for _, after := range all {
			p.pack(before)
			if _, filled, ok := p.pack(after); !ok || filled != reflect.DeepEqual(before, after) {
				t.Fatalf("%v after %v: filled %v, packed %v", after, before, filled, ok)
			}
		}
	}
	for _, same := range []interface{}{int8(7), int16(7), int32(7), int64(7), uint8(7), uint16(7), uint32(7), uint(7), uint64(7), time.Unix(7, 5)} {
		p.pack(map[string]interface{}{"a": 7})
		if _, filled, ok := p.pack(map[string]interface{}{"a": same}); !ok || !filled {
			t.Errorf("%T is not the whole number that it is", same)
		}
	}
}

// Servers such as fasthttp hand out texts that change when they use their buffer again.
func TestTextsThatChange(t *testing.T) {
	name, text := []byte("name"), []byte("ann")
	p := packer{count: -1}
	p.pack(map[string]interface{}{view(name): view(text)})
	copy(text, "eve")
	if packed, filled, _ := p.pack(map[string]interface{}{"name": view(text)}); filled || !strings.HasSuffix(packed, "eve") {
		t.Errorf("%q, filled %v", packed, filled)
	}
	copy(name, "mane")
	if packed, filled, _ := p.pack(map[string]interface{}{view(name): "eve"}); filled || !strings.Contains(packed, "mane") {
		t.Errorf("%q, filled %v", packed, filled)
	}
}

func TestDecodedNumbers(t *testing.T) {
	got := decoded([]byte(`{"a":1,"b":1.5,"c":[2,{"d":18446744073709551615}],"e":1e999}`))
	wanted := map[string]interface{}{
		"a": 1, "b": 1.5, "c": []interface{}{2, map[string]interface{}{"d": 18446744073709551615.0}}, "e": "1e999",
	}
	if !reflect.DeepEqual(got, wanted) {
		t.Errorf("%#v", got)
	}
}

func TestTextsThatShareMemory(t *testing.T) {
	var e encoder
	key, names := e.lines("key", []string{"a", "b\x00c", ""})
	if key != "key\x00" || names != "a\x00\xff\x00\x00" {
		t.Errorf("%q, %q", key, names)
	}
	if key, names := e.lines("", nil); key != "\x00" || names != "" {
		t.Errorf("%q, %q", key, names)
	}
	if !strings.HasPrefix(e.encoded(map[string]interface{}{}), "{}") {
		t.Error("an empty map is not {}")
	}
}
