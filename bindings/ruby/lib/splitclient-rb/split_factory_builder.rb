# frozen_string_literal: true

module SplitIoClient
  # Another way to make a {SplitFactory}.
  class SplitFactoryBuilder
    # @return [SplitFactory]
    # @param api_key [String] the SDK key; `localhost` to read flags from a file
    # @param config [Hash] see {SplitFactory#initialize}
    def self.build(api_key, config = {})
      SplitFactory.new(api_key, config)
    end
  end
end
