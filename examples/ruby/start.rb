# frozen_string_literal: true

require 'splitclient-rb'

# doc: key
factory = SplitIoClient::SplitFactory.new(ENV.fetch('SPLIT_SDK_KEY'), logger: Logger.new($stderr))
# doc: end
client = factory.client
client.block_until_ready(5)
puts 'the new checkout' if client.get_treatment('user-42', 'new_checkout', { plan: 'pro' }) == 'on'
client.destroy
