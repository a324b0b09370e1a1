// Ends this process when the one that SANDBOX_PARENT names has ended, however that was. It loads nothing of Node's that a
// program would not load by itself.
const parent = Number(process.env.SANDBOX_PARENT)

if (parent === process.ppid) {
  setInterval(() => {
    if (process.ppid !== parent) process.exit(1)
  }, 1000).unref()
}
