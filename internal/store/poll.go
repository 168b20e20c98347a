package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/dunlin-db/dunlin/internal/series"
)

// sumBytes is the length of a digest's sum in a reply of DN.POLL: Hi and Lo, big-endian.
const sumBytes = 16

// AppendSum appends the sum as DN.POLL gives it.
func (s State) AppendSum(dst []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, s.Hi), s.Lo)
}

// poll asks DN.POLL: epoch, four values per entry of the journal (key, score, sum, newest member; the last two empty
// where the node can not tell), two per entry of the late journal.
func (c *conn) poll(ctx context.Context, journalFrom, lateFrom int64, limit int) (
	epoch string, list, late []Change, err error,
) {
	m, err := c.one(ctx, "DN.POLL", strconv.FormatInt(journalFrom, 10), strconv.FormatInt(lateFrom, 10),
		strconv.Itoa(limit))
	if err != nil {
		return "", nil, nil, err
	}
	parts, err := m.ToArray()
	if err != nil || len(parts) != 3 {
		return "", nil, nil, fmt.Errorf("dn.poll: %d parts, want 3: %w", len(parts), errAnswer)
	}
	if epoch, err = parts[0].ToString(); err != nil {
		return "", nil, nil, wrap(err)
	}
	if list, err = readStates(parts[1]); err == nil {
		late, err = readEntries(parts[2], 2)
	}
	return epoch, list, late, err
}

// readEntries reads the key and score that each n values begin with.
func readEntries(m rueidis.RedisMessage, n int) ([]Change, error) {
	all, err := m.ToArray()
	if err != nil || len(all)%n != 0 {
		return nil, fmt.Errorf("dn.poll: %d values, want %d each: %w", len(all), n, errAnswer)
	}
	out := make([]Change, len(all)/n)
	for i := range out {
		if out[i].Key, err = all[n*i].ToString(); err != nil {
			return nil, fmt.Errorf("dn.poll: %w: %w", errAnswer, err)
		}
		if out[i].Score, err = all[n*i+1].AsInt64(); err != nil {
			return nil, fmt.Errorf("dn.poll: %w: %w", errAnswer, err)
		}
	}
	return out, nil
}

// readStates reads the entries of the journal. A state that can not be read is left out: the key is then read.
func readStates(m rueidis.RedisMessage) ([]Change, error) {
	out, err := readEntries(m, 4)
	if err != nil {
		return nil, err
	}
	all, _ := m.ToArray()
	states := make([]State, len(out))
	for i := range out {
		sum, err := all[4*i+2].ToString()
		if err != nil {
			continue
		}
		member, err := all[4*i+3].ToString()
		if err != nil {
			continue
		}
		if states[i], err = parseState(sum, member); err == nil {
			out[i].State = &states[i]
		}
	}
	return out, nil
}

// parseState reads the sum and the newest member of a key.
func parseState(sum, member string) (State, error) {
	if len(sum) != sumBytes {
		return State{}, fmt.Errorf("dn.poll: a sum of %d bytes, want %d: %w", len(sum), sumBytes, errAnswer)
	}
	pt, err := series.ParseMember([]byte(member))
	if err != nil {
		return State{}, err
	}
	b := []byte(sum)
	return State{Hi: binary.BigEndian.Uint64(b), Lo: binary.BigEndian.Uint64(b[8:]), Newest: pt}, nil
}
