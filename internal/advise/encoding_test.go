package advise

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store/redistest"
)

func TestEncoding(t *testing.T) {
	sample := func(encoding string, members int64, seconds float64) Sample {
		return Sample{
			Members: members, Bytes: members * 130, KeyLen: 29, MemberLen: 16, Seconds: seconds, Encoding: encoding,
		}
	}
	f := func(layout series.Layout, limit int64, s Sample, want string) {
		t.Helper()
		got := "-"
		if a, ok := Encoding(layout, limit, []Sample{s}); ok {
			got = fmt.Sprintf("%d hourly=%t", a.Entries, a.Hourly)
		}
		if got != want {
			t.Errorf("%v, limit %d, %+v: %s, want %s", layout, limit, s, got, want)
		}
	}
	f(series.Hour, 128, sample("skiplist", 360, 10), "400 hourly=false")
	f(series.Hour, 400, sample("skiplist", 360, 10), "-") // set since: those keys go with their hour
	f(series.Hour, 128, sample("listpack", 120, 30), "-")
	f(series.Hour, 128, sample("skiplist", 3600, 1), "-") // that long, a listpack costs more time than it saves memory
	f(series.Day, 128, sample("skiplist", 8640, 10), "400 hourly=true")
	f(series.Day, 400, sample("skiplist", 8640, 10), "400 hourly=true")
	f(series.Day, 128, sample("skiplist", 288, 300), "350 hourly=false")
	f(series.Day, 128, sample("listpack", 24, 3600), "-")
	f(series.Day, 128, sample("skiplist", 86400, 1), "-")
	f(series.HourCompact, 128, sample("skiplist", 360, 10), "400 hourly=false")
	if _, ok := Encoding(series.Day, 128, nil); ok {
		t.Error("advice without a sample")
	}
}

// TestEncoding_estimateHolds: the bytes that are promised are those that a real Redis then needs.
func TestEncoding_estimateHolds(t *testing.T) {
	redis := redistest.Start(t)
	key := "2026-11-22T10:web0042.sfo:cpu.user"
	fill := func(limit string) Sample {
		redis.Do("FLUSHALL")
		redis.Do("CONFIG", "SET", "zset-max-listpack-entries", limit)
		const first = 1795341600
		for i := range 360 {
			ts := fmt.Sprint(first + 10*i)
			redis.Do("ZADD", key, ts, fmt.Sprintf("%s:%d.%02d", ts, i%100, i*37%100))
		}
		s := Sample{Members: 360, KeyLen: len(key), MemberLen: len("1795341600:12.34"), Seconds: 10}
		if s.Encoding = "listpack"; limit == "128" {
			s.Encoding = "skiplist"
		}
		if _, err := fmt.Sscan(strings.TrimPrefix(redis.Do("MEMORY", "USAGE", key), ":"), &s.Bytes); err != nil {
			t.Fatal(err)
		}
		return s
	}
	advice, ok := Encoding(series.Hour, 128, []Sample{fill("128")})
	if !ok {
		t.Fatal("no advice for skiplists")
	}
	after := fill(fmt.Sprint(advice.Entries))
	real := float64(after.Bytes) / float64(after.Members)
	if real > 1.25*advice.Then || real < 0.8*advice.Then {
		t.Errorf("%.1f bytes a member, promised %.1f (%s)", real, advice.Then, advice)
	}
	if _, ok := Encoding(series.Hour, advice.Entries, []Sample{after}); ok {
		t.Error("advice again after it was followed")
	}
}
