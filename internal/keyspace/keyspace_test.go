package keyspace

import (
	"fmt"
	"math"
	"testing"
	"time"
)

type fakeClock struct{ now time.Time }

func (c *fakeClock) read() time.Time { return c.now }

func newTestDB() (*DB, *fakeClock) {
	c := &fakeClock{now: time.Unix(1_795_338_000, 0)}
	return NewDB(c.read), c
}

func TestDB_expiresByItsClock(t *testing.T) {
	db, clock := newTestDB()
	for i := range 10 {
		key := fmt.Appendf(nil, "k%d", i)
		db.PutString(key, []byte("v"), false)
		db.Expire(key, db.Now()+int64(i)*1000)
	}
	clock.now = clock.now.Add(4500 * time.Millisecond)
	if db.Lookup([]byte("k4")) != nil {
		t.Error("k4 is expired and found")
	}
	if db.Lookup([]byte("k5")) == nil {
		t.Error("k5 is not expired and missing")
	}
	if db.Len() != 9 {
		t.Errorf("%d keys, want 9: only the one that was looked up is gone", db.Len())
	}
	seen := 0
	db.Scan(0, 100, func(string, *Object) { seen++ })
	if seen != 5 {
		t.Errorf("a scan gives %d keys, want 5", seen)
	}
	db.Reap(2)
	if db.Len() != 7 {
		t.Errorf("%d keys after Reap(2), want 7", db.Len())
	}
	db.Reap(100)
	if db.Len() != 5 {
		t.Errorf("%d keys after Reap(100), want 5", db.Len())
	}
	db.Expire([]byte("k5"), 0)
	clock.now = clock.now.Add(time.Hour)
	db.Reap(100)
	if db.Len() != 1 {
		t.Errorf("%d keys, want k5 alone, which no longer expires", db.Len())
	}
}

func TestDB_countsItsBytes(t *testing.T) {
	db, clock := newTestDB()
	last := int64(0)
	grows := func(what string) {
		t.Helper()
		if db.Bytes() <= last {
			t.Errorf("%s: %d bytes, before %d", what, db.Bytes(), last)
		}
		last = db.Bytes()
	}
	db.PutString([]byte("s"), []byte("v"), false)
	grows("SET")
	db.Append([]byte("s"), []byte("tail"))
	grows("APPEND")
	for i := range 300 {
		db.Set([]byte("set")).Add(fmt.Append(nil, i))
		db.ZSet([]byte("z")).Put(fmt.Append(nil, i), float64(i))
	}
	grows("SADD and ZADD")
	other, _ := newTestDB()
	db.Rename([]byte("z"), other, []byte("longer name"))
	if other.Bytes() == 0 || other.Lookup([]byte("longer name")).ZSet().Len() != 300 {
		t.Error("Rename to another DB loses the value")
	}
	other.Lookup([]byte("longer name")).ZSet().Remove([]byte("7"))
	other.Delete([]byte("longer name"))
	db.Expire([]byte("s"), db.Now()+1)
	clock.now = clock.now.Add(time.Second)
	db.Reap(1)
	for db.Set([]byte("set")).Len() > 0 {
		db.Set([]byte("set")).Pop()
	}
	db.Delete([]byte("set"))
	if db.Bytes() != 0 || other.Bytes() != 0 {
		t.Errorf("%d and %d bytes when all keys are gone, want 0", db.Bytes(), other.Bytes())
	}
}

func TestZSet_ordersByScoreThenMember(t *testing.T) {
	db, _ := newTestDB()
	z := db.ZSet([]byte("z"))
	for i, m := range []string{"b", "a", "c"} {
		z.Put([]byte(m), float64(-i))
	}
	z.Put([]byte("d"), -1)
	z.Put([]byte("zero"), math.Copysign(0, -1))
	var got string
	z.Each(0, z.Len(), false, func(e Entry) { got += e.Member })
	if got != "cadbzero" {
		t.Errorf("order %s, want cadbzero", got)
	}
	if s, _ := z.Score([]byte("zero")); math.Signbit(s) {
		t.Error("a small sorted set keeps -0, a listpack does not")
	}
	if z.encoding() != "listpack" {
		t.Errorf("encoding %s", z.encoding())
	}
	z.Put(make([]byte, 65), 1)
	z.Put([]byte("zero2"), math.Copysign(0, -1))
	if s, _ := z.Score([]byte("zero2")); !math.Signbit(s) {
		t.Error("a large sorted set must keep -0, as a skip list does")
	}
}

func TestDict_scanWithEqualHashes(t *testing.T) {
	d := newDict[int]()
	for i := range 1000 {
		d.add(fmt.Sprint(i), i)
	}
	for _, it := range d.items { // all in three hashes
		d.order.Delete(it)
		it.hash = uint64(it.val%3 + 1)
		d.order.Set(it)
	}
	seen, steps := map[int]int{}, 0
	for cursor := uint64(0); ; {
		cursor = d.scan(cursor, 10, func(it *item[int]) { seen[it.val]++ })
		steps++
		if cursor == 0 {
			break
		}
	}
	if len(seen) != 1000 || steps != 3 {
		t.Errorf("%d of 1000 items in %d steps, want all in 3", len(seen), steps)
	}
}

func TestGlobMatch(t *testing.T) {
	f := func(pattern, s string, want bool) {
		t.Helper()
		if GlobMatch([]byte(pattern), []byte(s)) != want {
			t.Errorf("%q on %q: %v", pattern, s, !want)
		}
	}
	f("*", "", true)
	f("**", "", false)
	f("", "", true)
	f("?", "", false)
	f("a*c", "abbc", true)
	f("a*c", "abbd", false)
	f("[a-c]?\\*", "bx*", true)
	f("[^a-c]", "b", false)
	f("h[ab", "ha", true)
	evil := ""
	for range 500 {
		evil += "a*"
	}
	long := make([]byte, 100_000)
	for i := range long {
		long[i] = 'a'
	}
	start := time.Now()
	f(evil+"b", string(long), false)
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("a hostile pattern took %s", d)
	}
}

func TestParseLongDouble_refusesHugeExponents(t *testing.T) {
	for _, s := range []string{
		"1e999999999", "1e-999999999", "1e99999999999999999999", "0b1", "0o7", "1_0", "nan", "", " 1",
	} {
		if f := ParseLongDouble([]byte(s)); f != nil {
			t.Errorf("%q reads as %v", s, f)
		}
	}
}

func TestParseInt(t *testing.T) {
	for s, ok := range map[string]bool{
		"0": true, "-1": true, "9223372036854775807": true, "-9223372036854775808": true,
		"9223372036854775808": false, "-0": false, "01": false, "+1": false, " 1": false, "": false, "-": false, "1x": false,
	} {
		if _, got := ParseInt([]byte(s)); got != ok {
			t.Errorf("%q: %v", s, got)
		}
	}
}

func TestParseLongDouble_range(t *testing.T) {
	f := func(text string, valid bool) {
		t.Helper()
		if got := ParseLongDouble([]byte(text)); (got != nil) != valid {
			t.Errorf("%s: %v, valid %v", text, got, valid)
		}
	}
	f("0e-89219", true)
	f("-0.0e99999", true)
	f("1e-89219", false)
	f("1e-4900", true)
	f("3e-4951", true)
	f("1e-4951", false)
	f("1e4900", true)
	f("1e5000", false)
	f("e5", false)
	f(".e99999", false)
	f("+e-99999", false)
}
