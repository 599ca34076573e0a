# frozen_string_literal: true

module SplitIoClient
  # Tells which feature flags there are. Made by {SplitFactory#manager}.
  #
  # A flag is a Hash with `:name`, `:traffic_type_name`, `:killed`, `:treatments`, `:change_number`, `:configs`,
  # `:sets`, `:default_treatment`, `:impressions_disabled` and `:prerequisites`.
  class SplitManager
    # @private
    def initialize(handle, options, client)
      @client = client
      @lookups = Evaluations.new(handle, options.waits?)
    end

    # @return [Array<Hash>] all flags
    def splits
      (@lookups.manager_json(nil) || []).map { |flag| view(flag) }
    end

    # @return [Hash, nil] one flag; nil if there is none of this name
    # @param split_name [String, Symbol]
    def split(split_name)
      # Without a name the library would tell of all.
      name = Values.name(split_name) or return
      flag = @lookups.manager_json(name)
      flag && view(flag)
    rescue ArgumentError # A NUL, which no name has.
      nil
    end

    # @return [Array<String>] the names of all flags
    def split_names
      splits.map { |flag| flag[:name] }
    end

    # @return [void]
    # @param time [Numeric, nil] see {SplitClient#block_until_ready}
    # @raise [SDKBlockerTimeoutExpiredException]
    def block_until_ready(time = nil)
      @client.block_until_ready(time)
    end

    private

    def view(flag)
      {
        name: flag[:name], traffic_type_name: flag[:traffic_type], killed: flag[:killed],
        treatments: flag[:treatments], change_number: flag[:change_number], configs: flag[:configs],
        sets: flag[:sets], default_treatment: flag[:default_treatment],
        impressions_disabled: flag[:impressions_disabled], prerequisites: flag[:prerequisites]
      }
    end
  end
end
