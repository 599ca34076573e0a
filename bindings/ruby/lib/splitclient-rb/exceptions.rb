# frozen_string_literal: true

module SplitIoClient
  # What this gem raises, but for Ruby's own errors.
  class SplitIoError < StandardError; end

  # `block_until_ready` had to wait longer than it was allowed to.
  class SDKBlockerTimeoutExpiredException < SplitIoError; end

  # Never raised: with it, Split's gem ends its own threads. Here for programs that rescue it.
  class SDKShutdownException < SplitIoError; end
end
