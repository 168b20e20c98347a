package interop

import (
	"strconv"
	"testing"

	"github.com/redis/rueidis"
)

func TestRueidis(t *testing.T) {
	for _, resp2 := range []bool{false, true} {
		t.Run("AlwaysRESP2="+strconv.FormatBool(resp2), func(t *testing.T) {
			c, err := rueidis.NewClient(rueidis.ClientOption{
				InitAddress: []string{nodeAddr}, DisableCache: true, AlwaysRESP2: resp2,
			})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			testRueidis(t, c)
		})
	}
	t.Run("SelectDB", func(t *testing.T) {
		c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{nodeAddr}, DisableCache: true, SelectDB: 3})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		testRueidis(t, c)
	})
}

func testRueidis(t *testing.T, c rueidis.Client) {
	ctx := t.Context()
	key, member, score := point("rueidis")
	var cmds rueidis.Commands
	cmds = append(cmds, c.B().Zadd().Key(key).ScoreMember().ScoreMember(score, member).Build())
	for i := range 500 {
		cmds = append(cmds, c.B().Set().Key("interop:r").Value(strconv.Itoa(i)).Build())
	}
	cmds = append(cmds, c.B().Get().Key("interop:r").Build())
	replies := c.DoMulti(ctx, cmds...)
	if n, err := replies[0].AsInt64(); err != nil || n != 1 {
		t.Fatalf("ZADD: %d, %v", n, err)
	}
	if s, err := replies[501].ToString(); err != nil || s != "499" {
		t.Errorf("GET behind 500 SETs: %q, %v", s, err)
	}
	zs, err := c.Do(ctx, c.B().Zrange().Key(key).Min("0").Max("-1").Withscores().Build()).AsZScores()
	if err != nil || len(zs) != 1 || zs[0].Member != member || zs[0].Score != score {
		t.Errorf("ZRANGE WITHSCORES: %v, %v", zs, err)
	}
	if err := c.Do(ctx, c.B().Get().Key("interop:missing").Build()).Error(); !rueidis.IsRedisNil(err) {
		t.Errorf("GET of a missing key: %v", err)
	}
	err = c.Dedicated(func(d rueidis.DedicatedClient) error {
		set := d.B().Set().Key("interop:t").Value("1").Build()
		for _, r := range d.DoMulti(ctx, d.B().Multi().Build(), set, d.B().Exec().Build()) {
			if err := r.Error(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Errorf("MULTI: %v", err)
	}
}
