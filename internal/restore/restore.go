package restore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/redis/rueidis"

	"github.com/dunlin-db/dunlin/internal/series"
	"github.com/dunlin-db/dunlin/internal/storage"
)

const (
	restoreBatch    = 512 // points of a command
	restorePipeline = 16  // commands under way
)

// Summary is what became of the points.
type Summary struct {
	Stored  int64 // points that are on the node, those that were there before included
	Refused int64
	Why     map[string]int64 // how many were refused, by reason
	Damaged int              // places in the files that can not be read
}

// String is some lines for people.
func (s Summary) String() string {
	var b strings.Builder
	for _, why := range slices.Sorted(maps.Keys(s.Why)) {
		fmt.Fprintf(&b, "%d refused: %s\n", s.Why[why], why)
	}
	fmt.Fprintf(&b, "%d points are on the node, %d refused, %d damaged places in the files\n",
		s.Stored, s.Refused, s.Damaged)
	return b.String()
}

// restorer sends points.
type restorer struct {
	client rueidis.Client
	ctx    context.Context
	args   []string // of the command that is being filled
	cmds   []rueidis.Completed
	sum    Summary
}

// Run writes all points that w reads to the node that client leads to.
func Run(ctx context.Context, client rueidis.Client, w *storage.Walker) (Summary, error) {
	r := &restorer{client: client, ctx: ctx, sum: Summary{Why: map[string]int64{}}}
	w.Point = r.point
	err := w.Run(ctx)
	if err == nil {
		err = r.flush()
	}
	r.sum.Damaged = w.Damaged()
	if err != nil {
		return r.sum, fmt.Errorf("after %d points: %w (repeating it is harmless)", r.sum.Stored, err)
	}
	return r.sum, nil
}

// point adds a point to the command.
func (r *restorer) point(name []byte, pt series.Point) error {
	r.args = append(r.args, string(series.AppendTime(nil, pt.TS, pt.Frac)), string(name), string(pt.Value))
	if len(r.args) < 3*restoreBatch {
		return nil
	}
	r.build()
	if len(r.cmds) < restorePipeline {
		return nil
	}
	return r.send()
}

func (r *restorer) build() {
	if len(r.args) > 0 {
		r.cmds = append(r.cmds, r.client.B().Arbitrary("DN.MADDT").Args(r.args...).Build())
		r.args = r.args[:0]
	}
}

func (r *restorer) flush() error {
	r.build()
	return r.send()
}

func (r *restorer) send() error {
	replies := r.client.DoMulti(r.ctx, r.cmds...)
	r.cmds = r.cmds[:0]
	for _, reply := range replies {
		if err := r.count(reply); err != nil {
			return err
		}
	}
	return nil
}

// count reads a reply: how many are stored or, when some are refused, an array of that and [index, why] of each.
func (r *restorer) count(reply rueidis.RedisResult) error {
	if n, err := reply.AsInt64(); err == nil {
		r.sum.Stored += n
		return nil
	}
	list, err := reply.ToArray()
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return errors.New("an empty reply")
	}
	n, err := list[0].AsInt64()
	if err != nil {
		return err
	}
	r.sum.Stored += n
	for _, pair := range list[1:] {
		p, err := pair.ToArray()
		if err != nil || len(p) != 2 {
			return errors.New("a reply that DN.MADDT does not give")
		}
		why, _ := p[1].ToString()
		r.sum.Why[why]++
		r.sum.Refused++
	}
	return nil
}
