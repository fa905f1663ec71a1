/**
 * A question that is asked at most once a `milliseconds`, however many pages want the answer. A failure is not kept.
 */
export function cached<T>(milliseconds: number, ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  let askedAt = 0;
  return () => {
    const now = performance.now();
    if (answer && now - askedAt < milliseconds) return answer;
    askedAt = now;
    const asking = ask();
    answer = asking;
    asking.catch(() => {
      if (answer === asking) answer = undefined;
    });
    return asking;
  };
}
