# frozen_string_literal: true

# Split's SDK for Ruby, on the native core of libsplitio.
module SplitIoClient
  # The version of this gem, which is that of the library it is made for.
  VERSION = '1.0.0'
end
