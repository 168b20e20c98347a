package reply

import (
	"github.com/dunlin-db/dunlin/internal/resp"
	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/store"
)

// WritePolled writes the reply of DN.POLL: [epoch, journal, late journal]. An entry of the journal is key, score, the
// sum of the key's digest in 16 bytes and its newest member, both "" where the store does not know; a late one is
// key#hour and score.
func WritePolled(w *resp.Writer, got *store.Polled) {
	var buf []byte
	w.Array(3)
	w.BulkString(got.Epoch)
	w.Array(4 * len(got.Changes))
	for i, ch := range got.Changes {
		w.BulkString(ch.Key)
		w.Int(ch.Score)
		if got.States == nil || len(got.States[i].Newest.Value) == 0 {
			w.BulkString("")
			w.BulkString("")
			continue
		}
		buf = got.States[i].AppendSum(buf[:0])
		w.Bulk(buf)
		buf = series.AppendMember(buf[:0], got.States[i].Newest)
		w.Bulk(buf)
	}
	w.Array(2 * len(got.Late))
	for _, ch := range got.Late {
		w.BulkString(ch.Key)
		w.Int(ch.Score)
	}
}
