package interop

import (
	"fmt"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestGoRedis(t *testing.T) {
	for _, proto := range []int{2, 3} {
		t.Run(fmt.Sprintf("RESP%d", proto), func(t *testing.T) {
			c := redis.NewClient(&redis.Options{Addr: nodeAddr, Protocol: proto})
			defer func() { _ = c.Close() }()
			testGoRedis(t, c)
		})
	}
	t.Run("defaults", func(t *testing.T) {
		c := redis.NewClient(&redis.Options{Addr: nodeAddr})
		defer func() { _ = c.Close() }()
		testGoRedis(t, c)
	})
}

func testGoRedis(t *testing.T, c *redis.Client) {
	ctx := t.Context()
	key, member, score := point("go-redis")
	if n, err := c.ZAdd(ctx, key, redis.Z{Score: score, Member: member}).Result(); err != nil || n != 1 {
		t.Fatalf("ZADD: %d, %v", n, err)
	}
	zs, err := c.ZRangeWithScores(ctx, key, 0, -1).Result()
	if err != nil || len(zs) != 1 || zs[0].Member != member || zs[0].Score != score {
		t.Errorf("ZRANGE WITHSCORES: %v, %v", zs, err)
	}
	if got, err := c.ZScore(ctx, key, member).Result(); err != nil || got != score {
		t.Errorf("ZSCORE: %v, %v", got, err)
	}
	if err := c.Set(ctx, "interop:a", "b", 0).Err(); err != nil {
		t.Errorf("SET: %v", err)
	}
	if got, err := c.Get(ctx, "interop:a").Result(); err != nil || got != "b" {
		t.Errorf("GET: %q, %v", got, err)
	}
	if err := c.Get(ctx, "interop:missing").Err(); err != redis.Nil {
		t.Errorf("GET of a missing key: %v", err)
	}
	cmds, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Del(ctx, "interop:n")
		p.Incr(ctx, "interop:n")
		return p.Incr(ctx, "interop:n").Err()
	})
	if err != nil || cmds[2].(*redis.IntCmd).Val() != 2 {
		t.Errorf("MULTI: %v, %v", cmds, err)
	}
	pipe, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range 1000 {
			p.SAdd(ctx, fmt.Sprintf("interop:s%d", i%10), i)
		}
		return nil
	})
	if err != nil || len(pipe) != 1000 {
		t.Errorf("pipeline: %d replies, %v", len(pipe), err)
	}
	var found []string
	for it := c.Scan(ctx, 0, "interop:s*", 100).Iterator(); it.Next(ctx); {
		found = append(found, it.Val())
	}
	slices.Sort(found)
	if found = slices.Compact(found); len(found) != 10 {
		t.Errorf("SCAN found %d of 10 keys", len(found))
	}
	if info, err := c.Info(ctx).Result(); err != nil || len(info) < 100 {
		t.Errorf("INFO: %q, %v", info, err)
	}
}
